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

// A worker that becomes free while a claim is under way was not free for it: what
// the claim held back for his tenant is looked for again.
func TestAWorkerFreedDuringAClaimIsNotForgotten(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.Workers, h.params.PerTenant, h.params.MaxSleep = 8, 2, hours
		h.writer.took = 9950 * time.Millisecond
		h.store.answering = func() { time.Sleep(100 * time.Millisecond) }
		h.arm(h.lead(true), seed[0])
		h.pass(10 * time.Second)
		for range 2 {
			h.arm(h.lead(true), seed[0])
		}
		h.start()
		h.until(30*minutes + 21*time.Second)
		h.is(accepted(h), 3, "messages sent")
	})
}

// A step that this runner armed itself is not late, however long the poller may
// sleep for what others arm; a run that ended is no reason to look.
func TestTheNextStepWakesThePoller(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.MaxSleep, h.params.ClaimLease = 2*hours, 2*hours
		claims := times{h: h}
		h.store.answering = claims.happened
		h.writer.took = minutes
		h.begin(quick[0], quick[1])
		h.until(2 * hours)
		h.sent("31m0s ai", "1h2m0s ai")
		h.is(claims.all(), []time.Duration{0, 30 * minutes, 31 * minutes, 61 * minutes}, "claims")
	})
}
