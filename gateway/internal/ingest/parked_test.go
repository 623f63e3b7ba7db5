package ingest

import (
	"context"
	"errors"
	"testing"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/webhook"
	"wagate/providers"
)

// park parks a failure of a message, because the window is closed, under an id that is not known
// yet.
func (h *harness) park(t *testing.T, id string) {
	t.Helper()
	failed := followup.Receipt{State: providers.StatusFailed, Kind: providers.WindowClosed}
	if _, err := h.store.Message(t.Context(), tenantA, id, &followup.Parked{Channel: gupSales, Receipt: failed, At: now}); !errors.Is(err, followup.ErrNotFound) {
		t.Fatalf("park: got %v, want ErrNotFound", err)
	}
}

// TestI1ParkedUnderAnyOfThreeIDs: a receipt that waits under any of a message's ids takes effect
// with the next status, though all ids are known: who took it up before crashed before it did.
func TestI1ParkedUnderAnyOfThreeIDs(t *testing.T) {
	t.Parallel()
	for _, waits := range []string{"gs-1", "u-1", "wamid.1"} {
		t.Run(waits, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, nil)
			h.gupshup(t, gupText("wamid.0", "15550100001", "hi"))
			_, v := h.send(t, tenantA, "15550100001", sales, gupSales)
			h.park(t, waits)
			for _, id := range []string{"u-1", "wamid.1"} {
				if _, err := h.store.LinkMessage(t.Context(), tenantA, followup.MessageRef{Attempt: v.Attempt, SenderID: "gs-1", ProviderID: id}); err != nil {
					t.Fatal(err)
				}
			}
			h.gupshup(t, `{"gs_app_id":"`+gupAppID+`",`+replace(messages("410000000000002", status("15550100001", "u-1", "sent", "")),
				`"id":"u-1"`, `"gs_id":"gs-1","id":"u-1","meta_msg_id":"wamid.1"`)[1:])
			if !h.lead(t, tenantA, "15550100001").Windows[gupSales].Refused {
				t.Error("got window open, want the parked failure to have closed it")
			}
		})
	}
}

// TestParkedReceiptsAreToldApart: receipts that differ in state or in attempt are different events,
// or only the first of them would take effect.
func TestParkedReceiptsAreToldApart(t *testing.T) {
	t.Parallel()
	a := &arrival{channel: &followup.Channel{ID: gupSales, Assistant: sales}}
	seen := map[string]bool{}
	for _, attempt := range []followup.AttemptID{"a.1", "a.2"} {
		for _, state := range []providers.StatusState{providers.StatusSent, providers.StatusFailed} {
			seen[parkedItem(a, followup.Parked{Receipt: followup.Receipt{Attempt: attempt, State: state}}).DedupID] = true
		}
	}
	if len(seen) != 4 {
		t.Errorf("got dedup ids %v, want 4 different ones", seen)
	}
}

// TestI1IDCannotBeLearned: if the ids that a status tells cannot be stored, the status comes again.
func TestI1IDCannotBeLearned(t *testing.T) {
	t.Parallel()
	s := &tappedStore{Store: memstore.New(), link: failFirst(errAway)}
	h := newHarnessOn(t, s.Store, func(p *Params) { p.Store = s })
	_, v := h.send(t, tenantA, "15550100001", sales, gupSales)
	if _, err := s.Store.LinkMessage(t.Context(), tenantA, followup.MessageRef{Attempt: v.Attempt, SenderID: "gs-1"}); err != nil {
		t.Fatal(err)
	}
	body := gupReport("sent", "wa-1", "gs-1")
	if err := h.Gupshup(t.Context(), gupSales, "cb-unit", []byte(body)); !errors.Is(err, webhook.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	h.gupshup(t, body)
	if ref, err := s.Store.Message(t.Context(), tenantA, "wa-1", nil); err != nil || ref.Attempt != v.Attempt {
		t.Errorf("got %+v, %v, want wa-1 learned", ref, err)
	}
}

// parkCounter is a store that counts the receipts it is asked to park.
type parkCounter struct {
	*memstore.Store
	n int
}

func (s *parkCounter) Message(
	ctx context.Context, t followup.TenantID, id string, park *followup.Parked,
) (followup.MessageRef, error) {
	if park != nil {
		s.n++
	}
	return s.Store.Message(ctx, t, id, park)
}

// TestKnownIsNotParked: a receipt is not parked if its attempt is known, by our opaque data or by
// another of the message's ids: it takes effect now.
func TestKnownIsNotParked(t *testing.T) {
	t.Parallel()
	s := &parkCounter{Store: memstore.New()}
	h := newHarnessOn(t, s.Store, func(p *Params) { p.Store = s })
	_, v := h.send(t, tenantA, "15550100001", sales, gupSales)
	if _, err := s.LinkMessage(t.Context(), tenantA, followup.MessageRef{Attempt: v.Attempt, SenderID: "wa-1"}); err != nil {
		t.Fatal(err)
	}
	h.gupshup(t, gupReport("sent", "wa-1", "gs-1")) // gs-1 is not known
	_, v = h.send(t, tenantA, "15550100001", sales, metaSales)
	h.meta(t, messages("n-sales", status("15550100001", "wamid.o", "sent", v.Opaque)))
	if s.n != 0 {
		t.Errorf("got %d parked, want none", s.n)
	}
}

// TestOpaqueComesFirst: if our opaque data and the message id lead to different attempts, the
// receipt is about the attempt of the opaque data.
func TestOpaqueComesFirst(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	const ours, others = "15550100001", "15550100002"
	h.meta(t, messages("n-sales", text(ours, "wamid.1", minute(-60), "hi"), text(others, "wamid.2", minute(-60), "hi")))
	_, v := h.send(t, tenantA, ours, sales, metaSales)
	_, w := h.send(t, tenantA, others, sales, metaSales)
	if _, err := h.store.LinkMessage(t.Context(), tenantA, followup.MessageRef{Attempt: w.Attempt, SenderID: "wamid.o", ProviderID: "wamid.o"}); err != nil {
		t.Fatal(err)
	}
	h.meta(t, messages("n-sales", replace(status("", "wamid.o", "failed", v.Opaque), `"status":"failed"`,
		`"status":"failed","errors":[{"code":131047}]`)))
	for who, want := range map[string]bool{ours: true, others: false} {
		if got := h.lead(t, tenantA, who).Windows[metaSales].Refused; got != want {
			t.Errorf("%s: got window refused %v, want %v", who, got, want)
		}
	}
}
