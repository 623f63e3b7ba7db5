package runner_test

import (
	"testing"
	"time"
)

// Workers that become free at the same instant wake a poller that found none free: a backlog is
// worked off round after round, without a pause.
func TestBacklogWorkedOffWithoutPause(t *testing.T) {
	t.Parallel()
	const rounds = 20
	for name, c := range map[string]struct{ workers, perTenant int }{
		"all workers busy": {4, 4 * rounds}, "all of the tenant's share busy": {4 * rounds, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				h.params.Workers, h.params.PerTenant = c.workers, c.perTenant
				h.params.MaxSleep = minutes
				h.writer.took = 2 * time.Second
				for range 4 * rounds {
					h.arm(h.lead(true), sample[0])
				}
				h.start()
				h.until(30*minutes + rounds*(2*time.Second+10*time.Millisecond))
				h.equal(accepted(h), 4*rounds, "messages sent")
			})
		})
	}
}

// A worker that becomes free during a claim was not free for that claim. The steps that the claim
// left out for its tenant are claimed again at once.
func TestWorkerFreedDuringClaimNotForgotten(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.Workers, h.params.PerTenant, h.params.MaxSleep = 8, 2, hours
		h.writer.took = 9950 * time.Millisecond
		h.store.answering = func() { time.Sleep(100 * time.Millisecond) }
		h.arm(h.lead(true), sample[0])
		h.pass(10 * time.Second)
		for range 2 {
			h.arm(h.lead(true), sample[0])
		}
		h.start()
		h.until(30*minutes + 21*time.Second)
		h.equal(accepted(h), 3, "messages sent")
	})
}

// While every worker has a step in hand, nothing is claimed, and the poller does not
// wake all the time to look.
func TestBusyRunnerLeavesStoreAlone(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		claims := timeLog{h: h}
		h.store.answering = claims.record
		turns := timeLog{h: h}
		h.params.Real = func() time.Time { turns.record(); return time.Now() }
		h.params.Workers, h.params.PerTenant = 2, 9
		h.sender.took = minutes
		for range 3 {
			h.arm(h.lead(true), sample[0])
		}
		h.start()
		h.until(30*minutes + time.Second)
		before, looks := len(claims.all()), len(turns.all())
		h.until(30*minutes + 59*time.Second)
		h.equal(len(claims.all())-before, 0, "claims while all workers are busy")
		if n := len(turns.all()) - looks; n > 20 {
			h.Errorf("turns in that minute: got %d, want at most 20", n)
		}
		h.until(hours)
		h.equal(accepted(h), 3, "messages sent")
	})
}

// The poller sleeps no longer than until the next step is due by the domain clock,
// however long MaxSleep is.
func TestI12FastClockMakesNoStepLate(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.MaxSleep, h.params.Speed = hours, 60
		h.params.Now = func() time.Time { return h.began.Add(60 * time.Since(h.began)) }
		h.armAndStart(sample[0])
		h.until(minutes)
		h.wantSent("30s ai")
	})
}

// A step that this runner armed itself is not late, however long MaxSleep is. A run
// that ended causes no claim.
func TestNextStepWakesPoller(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.MaxSleep, h.params.ClaimLease = 2*hours, 2*hours
		claims := timeLog{h: h}
		h.store.answering = claims.record
		h.writer.took = minutes
		h.armAndStart(quick[0], quick[1])
		h.until(2 * hours)
		h.wantSent("31m0s ai", "1h2m0s ai")
		h.equal(claims.all(), []time.Duration{0, 30 * minutes, 31 * minutes, 61 * minutes}, "claims")
	})
}

// A slow claim does not delay the next one: the time it reports until the next step
// counts from when the claim began.
func TestSlowClaimMakesNoStepLate(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.MaxSleep = hours
		claims := timeLog{h: h}
		h.store.answering = func() {
			claims.record()
			time.Sleep(100 * time.Millisecond)
		}
		h.armAndStart(sample[0])
		h.until(31 * minutes)
		h.equal(claims.all()[:2], []time.Duration{0, 30 * minutes}, "claims")
		h.equal(accepted(h), 1, "messages sent")
	})
}
