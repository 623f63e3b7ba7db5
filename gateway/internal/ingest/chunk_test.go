package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/webhook"
	"wagate/providers"
)

// countingStore records how many items each settlement had. A settlement fails with the error that
// broken returns for its number, from 0.
type countingStore struct {
	*memstore.Store

	mu     sync.Mutex
	sizes  []int
	broken func(n int) error
}

func (c *countingStore) Settle(ctx context.Context, s followup.Settlement) (followup.Settled, error) {
	c.mu.Lock()
	n := len(c.sizes)
	c.sizes = append(c.sizes, len(s.Items))
	c.mu.Unlock()
	if c.broken != nil {
		if err := c.broken(n); err != nil {
			return followup.Settled{}, err
		}
	}
	return c.Store.Settle(ctx, s)
}

// TestI9ManyEventsOfOneLead: if a lead has more events than fit into one settlement, they are
// settled in parts, one after the other. If a part fails, the parts behind it wait, so the order is
// kept.
func TestI9ManyEventsOfOneLead(t *testing.T) {
	t.Parallel()
	const n = 2*followup.MaxItems + 500
	var values, want []string
	for i := range n {
		values = append(values, text("15550100001", fmt.Sprint("wamid.", i), minute(-1), fmt.Sprint(i)))
		want = append(want, fmt.Sprint(i))
	}
	body := messages("n-sales", values...)
	for name, c := range map[string]struct {
		fails int // the settlement that fails; -1: none
		sizes []int
	}{
		"no failure":            {-1, []int{followup.MaxItems, followup.MaxItems, 500}},
		"the second part fails": {1, []int{followup.MaxItems, followup.MaxItems, followup.MaxItems, followup.MaxItems, 500}},
		"the first part fails":  {0, []int{followup.MaxItems, followup.MaxItems, followup.MaxItems, 500}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &countingStore{Store: memstore.New(), broken: func(n int) error {
				if n == c.fails {
					return errAway
				}
				return nil
			}}
			h := newHarnessOn(t, s.Store, func(p *Params) { p.Store = s })
			if c.fails >= 0 {
				if err := h.postMeta(t.Context(), body); !errors.Is(err, webhook.ErrUnavailable) {
					t.Fatalf("got %v, want ErrUnavailable", err)
				}
			}
			h.meta(t, body)
			if !slices.Equal(s.sizes, c.sizes) {
				t.Errorf("got settlements of %v items, want %v", s.sizes, c.sizes)
			}
			var got []string
			for _, v := range h.valuesAt(t, sales, now) {
				got = append(got, member(t, v, "messages", 0, "text", "body"))
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %d relayed (sorted: %v), want all %d in order", len(got), slices.IsSorted(got), n)
			}
		})
	}
}

// TestPartsCountParkedReceipts: the parked receipts that a status brings along count as items too.
func TestPartsCountParkedReceipts(t *testing.T) {
	t.Parallel()
	list := make([]*arrival, 5)
	for i := range list {
		list[i] = &arrival{event: &providers.Event{}, parked: make([]followup.Parked, followup.MaxItems/2)}
	}
	list[4].parked = nil
	var got []int
	for _, part := range parts(list) {
		got = append(got, len(part))
	}
	if want := []int{1, 1, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("got parts of %v events, want %v", got, want)
	}
}

// TestI4PartsHoldOneContact: a lead may write from several numbers in one body. Each number's
// message opens the window to that number, so a settlement holds events of one number only.
func TestI4PartsHoldOneContact(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	h.resolve(t, followup.Identity{Phone: "15550100001", UserID: "US.1"}, now.Add(-time.Hour))
	body := messages("n-sales",
		text("15550100001/US.1", "wamid.1", minute(-5), "one"), text("15550100001/US.1", "wamid.2", minute(-4), "two"),
		status("15550100001", "wamid.o", "read", ""), text("US.1", "wamid.3", minute(-3), "three"),
		text("15550100002/US.1", "wamid.4", minute(-2), "from another phone"))
	s := &countingStore{Store: h.store, broken: func(int) error { return nil }}
	counted := newHarnessOn(t, h.store, func(p *Params) { p.Store = s })
	counted.meta(t, body)
	if want := []int{4, 1}; !slices.Equal(s.sizes, want) {
		t.Errorf("got settlements of %v items, want %v", s.sizes, want)
	}
	l := h.lead(t, tenantA, "US.1")
	for to, want := range map[string]bool{"15550100001": false, "15550100002": true} {
		if got := l.WindowOpenTo(metaSales, providers.Contact{Phone: to}, now); got != want {
			t.Errorf("window to %s: got open %v, want %v", to, got, want)
		}
	}
}

// TestI4PartsDoNotJoinPhoneAndUserID: an event with only a phone and an event with only a user id
// are not settled as those of one contact with both, because nothing says that they are of one
// contact.
func TestI4PartsDoNotJoinPhoneAndUserID(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	lead := h.resolve(t, followup.Identity{Phone: "15550100001", UserID: "US.1"}, now)
	if _, err := h.store.Resolve(t.Context(), tenantA, followup.Identity{Phone: "15550100009", Lead: lead}, false, now); err != nil {
		t.Fatal(err)
	}
	h.meta(t, messages("n-sales", text("15550100009", "wamid.1", minute(-50), "from my old phone"), text("US.1", "wamid.2", minute(-1), "hi")))
	l := h.lead(t, tenantA, "US.1")
	if !l.WindowOpen(metaSales, now) {
		t.Errorf("window of the lead, whose user id wrote last: got closed (opened by %+v), want open", l.Windows[metaSales].OpenedBy)
	}
}
