package ingest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/webhook"
	"wagate/providers"
)

// TestI1BacklogRefused: what an assistant has no room for is not acknowledged,
// and is whole when it comes again; other assistants' events in the same body are
// settled.
func TestI1BacklogRefused(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	s.MaxBacklog = 3
	h := newHarnessOn(t, s, nil)
	run := h.arm(t, tenantA, "15550100009", sales, metaSales) // and the first event that waits
	entries := []string{entry("messages", "n-support", text("15550100004", "wamid.s", minute(-1), "for support"))}
	for i := range 3 {
		entries = append(entries, entry("messages", "n-sales",
			text(fmt.Sprint("1555010000", i), fmt.Sprint("wamid.", i), minute(-1), "for sales")))
	}
	body := envelope(entries...)
	post := func(body string) error {
		return h.Meta(t.Context(), "main", sign("new-unit-secret", body), []byte(body))
	}
	if err := post(body); !errors.Is(err, webhook.ErrUnavailable) || !errors.Is(err, followup.ErrBacklog) {
		t.Fatalf("got %v, want ErrUnavailable because of ErrBacklog", err)
	}
	if got := h.leads(t, tenantA); got != 5 { // who writes is known from then on, settled or not
		t.Errorf("got %d leads, want 5", got)
	}
	if got := testutil.ToFloat64(h.metrics.refused.WithLabelValues(string(providers.Meta))); got != 1 {
		t.Errorf("got %v events refused, want 1", got)
	}
	if got := h.events(providers.Meta, providers.KindText); got != 3 {
		t.Errorf("got %v events settled, want the other 3", got)
	}
	reply := messages("n-sales", text("15550100009", "wamid.r", minute(-1), "a reply"))
	if err := post(reply); !errors.Is(err, webhook.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	if got := h.run(t, tenantA, run).State; got != followup.RunArmed {
		t.Errorf("got the run %s by a reply that was refused, want armed", got)
	}
	again := envelope(entries[0])
	if err := post(again); err != nil {
		t.Errorf("a duplicate for another assistant: got %v, want nil", err)
	}
	if got := len(h.values(t, support)); got != 1 {
		t.Errorf("got %d relayed to support, want 1", got)
	}
	if got := len(h.valuesAt(t, sales, now)); got != 2 {
		t.Errorf("got %d relayed to sales, want 2", got)
	}
	h.meta(t, body)
	h.meta(t, reply)
	if got := len(h.valuesAt(t, sales, now)); got != 2 {
		t.Errorf("got %d relayed to sales, want the refused one and the reply", got)
	}
	if got := h.run(t, tenantA, run).Reason; got != followup.Replied {
		t.Errorf("got the run ended %q, want replied", got)
	}
}
