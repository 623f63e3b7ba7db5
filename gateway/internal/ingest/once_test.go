package ingest

import (
	"sync"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// TestI2Concurrent: the same webhook 50 times at once takes effect once.
func TestI2Concurrent(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	run := h.arm(t, tenantA, "15550100001", sales, metaSales)
	body := messages("n-sales",
		text("15550100001", "wamid.1", minute(-2), "one"), text("15550100001", "wamid.2", minute(-1), "two"))
	var posts sync.WaitGroup
	for range 50 {
		posts.Go(func() {
			if err := h.Meta(t.Context(), "main", sign("new-unit-secret", body), []byte(body)); err != nil {
				t.Errorf("got %v, want nil", err)
			}
		})
	}
	posts.Wait()
	if got := h.run(t, tenantA, run); got.State != followup.RunEnded || got.Reason != followup.Replied {
		t.Errorf("got run %s %s, want ended replied", got.State, got.Reason)
	}
	if got := len(h.values(t, sales)); got != 2 {
		t.Errorf("got %d relayed, want 2", got)
	}
	if got := h.events(providers.Meta, providers.KindText); got != 100 {
		t.Errorf("got %v events, want 100", got)
	}
	if got := h.duplicates(providers.Meta); got != 98 {
		t.Errorf("got %v duplicates, want 98", got)
	}
	if got := h.leads(t, tenantA); got != 1 {
		t.Errorf("got %d leads, want 1", got)
	}
	entries, err := h.store.History(t.Context(), run.Lead(), metaSales, now)
	if err != nil || len(entries) != 2 || entries[0].Text != "one" || entries[1].Text != "two" {
		t.Errorf("got history %v (%v), want one, two", entries, err)
	}
}

// TestI2BothFormats: the same message in v2 and v3 takes effect once.
func TestI2BothFormats(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	v3 := `{"gs_app_id":"` + gupAppID + `",` + messages("410000000000002", text("15550100001", "wamid.g1", minute(0), "hi"))[1:]
	h.gupshup(t, gupText("wamid.g1", "15550100001", "hi"))
	h.gupshup(t, v3)
	if got := len(h.values(t, sales)); got != 1 {
		t.Errorf("got %d relayed, want 1", got)
	}
	if got := h.duplicates(providers.Gupshup); got != 1 {
		t.Errorf("got %v duplicates, want 1", got)
	}
	// v2 knows no WhatsApp time: a minute is taken off Gupshup's.
	w := h.lead(t, tenantA, "15550100001").Windows[gupSales]
	if want := now.Add(-time.Minute); !w.LastInbound.Equal(want) {
		t.Errorf("got window from %v, want %v", w.LastInbound, want)
	}
}
