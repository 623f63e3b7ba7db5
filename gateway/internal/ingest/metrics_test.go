package ingest

import (
	"testing"

	"wagate/providers"
)

// TestMetricsFromStart: every series exists before the first event, so that a rate can be computed
// from the start.
func TestMetricsFromStart(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	families, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, f := range families {
		got[f.GetName()] = len(f.GetMetric())
	}
	for name, want := range map[string]int{
		"wagate_events_total":           2 * len(providers.Kinds),
		"wagate_events_duplicate_total": 2,
		"wagate_events_dropped_total":   2 * 5,
		"wagate_relay_refused_total":    2,
	} {
		if got[name] != want {
			t.Errorf("%s: got %d series, want %d", name, got[name], want)
		}
	}
}
