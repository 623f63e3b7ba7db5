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

// TestI1BacklogRefused: a body with events that an assistant's backlog has no room for is not
// acknowledged, and everything is settled when it comes again. Other assistants' events in the same
// body are settled at once.
func TestI1BacklogRefused(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	s.MaxBacklog = 3
	h := newHarnessOn(t, s, nil)
	run := h.arm(t, tenantA, "15550100009", sales, metaSales) // the run's own event is the first that waits
	entries := []string{entry("messages", "n-support", text("15550100004", "wamid.s", minute(-1), "for support"))}
	for i := range 3 {
		entries = append(entries, entry("messages", "n-sales",
			text(fmt.Sprint("1555010000", i), fmt.Sprint("wamid.", i), minute(-1), "for sales")))
	}
	body := envelope(entries...)
	post := func(body string) error {
		return h.postMeta(t.Context(), body)
	}
	if err := post(body); !errors.Is(err, webhook.ErrUnavailable) || !errors.Is(err, followup.ErrBacklog) {
		t.Fatalf("got %v, want ErrUnavailable because of ErrBacklog", err)
	}
	if got := h.leads(t, tenantA); got != 5 { // whoever writes becomes a lead, even if the event is refused
		t.Errorf("got %d leads, want 5", got)
	}
	if got := testutil.ToFloat64(h.metrics.refused.WithLabelValues(string(providers.Meta))); got != 1 {
		t.Errorf("got %v events counted as refused, want 1", got)
	}
	if got := h.events(providers.Meta, providers.KindText); got != 3 {
		t.Errorf("got %v events settled, want the other 3", got)
	}
	reply := messages("n-sales", text("15550100009", "wamid.r", minute(-1), "a reply"))
	if err := post(reply); !errors.Is(err, webhook.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	if got := h.run(t, tenantA, run).State; got != followup.RunArmed {
		t.Errorf("got the run %s after a refused reply, want armed", got)
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
		t.Errorf("got %d relayed to sales, want 2: the refused event and the reply", got)
	}
	if got := h.run(t, tenantA, run).Reason; got != followup.Replied {
		t.Errorf("got the run ended as %q, want replied", got)
	}
}
