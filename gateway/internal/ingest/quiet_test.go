package ingest

import (
	"log/slog"
	"strings"
	"testing"

	"wagate/followup/memstore"
)

// TestI11Quiet: the log and the error say what went wrong, but not whom it concerns.
func TestI11Quiet(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	s := memstore.New()
	h := newHarnessOn(t, s, func(p *Params) {
		p.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		p.Store = &flakyStore{Store: s, broken: func(int) error { return errAway }}
	})
	body := messages("n-sales", text("15550100001/US.77", "wamid.1", minute(-1), "my secret"), `"messages":[7]`)
	err := h.postMeta(t.Context(), body)
	for _, secret := range []string{"15550100001", "US.77", "my secret", "unit-secret", "Noor"} {
		if strings.Contains(log.String(), secret) || strings.Contains(err.Error(), secret) {
			t.Errorf("got %q in the log or the error, want it in neither:\n%s%v", secret, log.String(), err)
		}
	}
	if !strings.Contains(err.Error(), errAway.Error()) || !strings.Contains(err.Error(), "meta") {
		t.Errorf("got %v, want an error with the provider and the cause", err)
	}
	if strings.Contains(log.String(), errAway.Error()) {
		t.Errorf("got the failure logged as well as returned, want it only returned:\n%s", log.String())
	}
	if log.Len() == 0 {
		t.Error("got nothing logged, want a line about the item left out")
	}
}
