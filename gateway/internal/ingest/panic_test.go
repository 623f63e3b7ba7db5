package ingest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/webhook"
	"wagate/providers"
)

// panickingStore panics when it resolves the contact with the phone phone, and when it settles
// events of the contact with the phone name.
type panickingStore struct {
	*memstore.Store

	phone, name string
	nobody      atomic.Int32 // settlements that name no lead
}

func (b *panickingStore) Resolve(
	ctx context.Context, t followup.TenantID, who followup.Identity, create bool, now time.Time,
) (followup.LeadID, error) {
	if b.phone != "" && who.Phone == b.phone {
		panic(who.Phone)
	}
	return b.Store.Resolve(ctx, t, who, create, now)
}

func (b *panickingStore) Settle(ctx context.Context, s followup.Settlement) (followup.Settled, error) {
	if s.Lead == "" {
		b.nobody.Add(1)
	}
	if b.name != "" && s.Contact.Phone == b.name {
		panic(s.Contact.Phone)
	}
	return b.Store.Settle(ctx, s)
}

// TestI9PanicOverOneLead: if a lead's events cause a panic, the process and the other leads of the
// body are not affected. The body is not acknowledged, so it comes again.
func TestI9PanicOverOneLead(t *testing.T) {
	t.Parallel()
	const poison, calm = "15550100001", "15550100002"
	for name, c := range map[string]struct {
		where  *panickingStore
		phones []string
		kept   int
	}{
		"resolved, alone":       {&panickingStore{phone: poison}, []string{poison}, 0},
		"settled, alone":        {&panickingStore{name: poison}, []string{poison}, 0},
		"resolved, with others": {&panickingStore{phone: poison}, []string{poison, calm}, 1},
		"settled, with others":  {&panickingStore{name: poison}, []string{calm, poison}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := memstore.New()
			h := newHarnessOn(t, s, func(p *Params) {
				c.where.Store = s
				p.Store = c.where
			})
			var values []string
			for _, phone := range c.phones {
				values = append(values, text(phone, "wamid."+phone, minute(-1), "hi"))
			}
			body := messages("n-sales", values...)
			err := h.postMeta(t.Context(), body)
			if !errors.Is(err, webhook.ErrUnavailable) {
				t.Errorf("got %v, want ErrUnavailable", err)
			}
			if got := h.events(providers.Meta, providers.KindText); got != float64(c.kept) {
				t.Errorf("got %v events settled, want %d", got, c.kept)
			}
			if got := c.where.nobody.Load(); got != 0 {
				t.Errorf("got %d settlements of no lead, want none", got)
			}
			c.where.phone, c.where.name = "", ""
			h.meta(t, body)
			if got := len(h.values(t, sales)); got != len(c.phones) {
				t.Errorf("got %d relayed once the store is well, want %d", got, len(c.phones))
			}
		})
	}
}
