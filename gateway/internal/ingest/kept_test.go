package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"wagate/followup/memstore"
	"wagate/gateway/internal/webhook"
	"wagate/providers"
)

// TestI1NothingAcknowledgedUnsettled: whichever settlement fails, the body is not acknowledged.
// When it is sent again, everything is relayed exactly once.
func TestI1NothingAcknowledgedUnsettled(t *testing.T) {
	t.Parallel()
	const leads = 5
	var values []string
	for i := range leads {
		values = append(values, text(fmt.Sprintf("1555010%04d", i), fmt.Sprintf("wamid.%d", i), minute(-1), "hi"))
	}
	body := messages("n-sales", values...)
	for k := 1; k <= leads; k++ {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			t.Parallel()
			var f *flakyStore
			s := memstore.New()
			h := newHarnessOn(t, s, func(p *Params) {
				f = &flakyStore{Store: s, broken: func(n int) error {
					if n == k {
						return errAway
					}
					return nil
				}}
				p.Store = f
			})
			err := h.postMeta(t.Context(), body)
			if !errors.Is(err, webhook.ErrUnavailable) {
				t.Fatalf("got %v, want ErrUnavailable", err)
			}
			if got := h.events(providers.Meta, providers.KindText); got != leads-1 {
				t.Errorf("got %v events settled, want the other %d", got, leads-1)
			}
			h.meta(t, body)
			if got := len(h.values(t, sales)); got != leads {
				t.Errorf("got %d relayed, want %d", got, leads)
			}
			if got := h.duplicates(providers.Meta); got != leads-1 {
				t.Errorf("got %v duplicates, want %d", got, leads-1)
			}
		})
	}
}

// TestI14BatchOfMany: a body has many leads and some undecodable items. All good items are settled,
// in order within each lead.
func TestI14BatchOfMany(t *testing.T) {
	t.Parallel()
	const leads = 60
	h := newHarness(t, nil)
	var values []string
	for round := range 3 {
		for i := range leads {
			values = append(values, text(fmt.Sprintf("1555010%04d", i), fmt.Sprintf("wamid.%d.%d", i, round), minute(round-5), fmt.Sprint(round)))
		}
		values = append(values, `"messages":[7]`, `"messages":[{"id":"wamid.nobody`+fmt.Sprint(round)+`","type":5}]`, `"statuses":[{}]`)
	}
	h.meta(t, messages("n-sales", values...))
	if got := h.leads(t, tenantA); got != leads {
		t.Errorf("got %d leads, want %d", got, leads)
	}
	if got := h.droppedFor(providers.Meta, dropUndecodable); got != 9 {
		t.Errorf("got %v dropped as undecodable, want 9", got)
	}
	for _, d := range h.relayed(t, sales) {
		var order []string
		for _, e := range d.Events {
			order = append(order, member(t, string(e.Value), "messages", 0, "text", "body"))
		}
		if want := []string{"0", "1", "2"}; !slices.Equal(order, want) {
			t.Fatalf("got order %v, want %v", order, want)
		}
	}
}

// TestI9OrderAfterAFailure: if an event cannot be resolved to its lead, the events behind it wait
// with it. When the body is sent again, the order is kept.
func TestI9OrderAfterAFailure(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	h := newHarnessOn(t, s, func(p *Params) { p.Store = &tappedStore{Store: s, resolve: failFirst(errAway)} })
	body := messages("n-sales",
		text("15550100001", "wamid.1", minute(-3), "one"), text("15550100001", "wamid.2", minute(-2), "two"))
	if err := h.postMeta(t.Context(), body); !errors.Is(err, webhook.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	h.meta(t, body)
	var got []string
	for _, v := range h.values(t, sales) {
		got = append(got, member(t, v, "messages", 0, "text", "body"))
	}
	if want := []string{"one", "two"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestI1StoreAway: if the store fails altogether, the body is not acknowledged.
func TestI1StoreAway(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the memory store refuses a cancelled context
	body := messages("n-sales", text("15550100001", "wamid.1", minute(0), "hi"))
	if err := h.postMeta(ctx, body); !errors.Is(err, webhook.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}
