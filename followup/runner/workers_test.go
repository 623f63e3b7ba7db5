package runner_test

import (
	"testing"
	"time"
)

// Workers that become free at the same instant wake the poller that found none:
// a backlog is worked off without a pause, round after round.
func TestABacklogIsWorkedOffWithoutAPause(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		const rounds = 20
		h.params.Workers, h.params.PerTenant = 4, 4*rounds
		h.params.MaxSleep = minutes
		h.writer.took = 2 * time.Second
		for range 4 * rounds {
			h.arm(h.lead(true), seed[0])
		}
		h.start()
		h.until(30*minutes + rounds*(2*time.Second+10*time.Millisecond))
		h.is(accepted(h), 4*rounds, "messages sent")
	})
}
