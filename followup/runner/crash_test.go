package runner_test

import (
	"testing"
	"time"

	"wagate/followup"
)

// claimAndDie claims the due step directly from the store, as a worker would that dies at once.
func (h *harness) claimAndDie() followup.Claimed {
	h.Helper()
	b, err := h.store.Store.Claim(h.Context(), followup.ClaimParams{
		Now: time.Now(), Real: time.Now(), Limit: 1, Lease: 3 * minutes,
	})
	h.must(err, "Claim")
	if len(b.Steps) != 1 {
		h.Fatalf("Claim: got %d steps, want 1", len(b.Steps))
	}
	return b.Steps[0]
}

// claimAndDieSending claims the due step and dies after the guard allowed it,
// before a result is recorded.
func (h *harness) claimAndDieSending() (followup.Claimed, followup.AttemptID) {
	h.Helper()
	c := h.claimAndDie()
	v, err := h.store.Store.GuardStep(h.Context(), followup.GuardStep{
		Run: c.Run.ID, Token: c.Token, To: c.Lead.Contact(), FreeForm: true, Now: time.Now(), Real: time.Now(), Lease: minutes,
	})
	h.must(err, "GuardStep")
	h.equal(v.Refusal, followup.Allowed, "guard")
	return c, v.Attempt
}

// A worker that dies before the guard has sent nothing: the step is sent once,
// when its lease has run out.
func TestI6CrashBeforeGuardSentOnce(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		run := h.arm(h.lead(true), sample[0])
		h.until(30 * minutes)
		h.claimAndDie()
		h.start()
		h.until(33*minutes - time.Millisecond)
		h.wantSent()
		h.until(2 * hours)
		h.wantSent("33m0s ai")
		h.wantTimeline(run, "1 ai sent/ai", "ended completed")
	})
}

// A step whose workers all die fails after six deaths, and the ladder goes on.
func TestI7StepThatKillsWorkersFails(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		run := h.arm(h.lead(true), quick[0], quick[1])
		h.until(30 * minutes)
		for range 6 {
			h.claimAndDie()
			h.pass(3 * minutes)
			h.wantTimeline(run, "claimed")
		}
		h.start()
		h.until(49 * minutes)
		h.wantTimeline(run, "1 none failed/unknown", "armed")
		h.equal(h.writer.asked(), 0, "requests to the model")
		h.until(3 * hours)
		h.wantSent("1h18m0s ai")
		h.wantTimeline(run, "1 none failed/unknown", "2 ai sent/ai", "ended completed")
	})
}

// A step whose workers die five times is sent by the sixth.
func TestI6StepOutlivesFiveWorkers(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		run := h.arm(h.lead(true), sample[0])
		h.until(30 * minutes)
		for range 5 {
			h.claimAndDie()
			h.pass(3 * minutes)
		}
		h.start()
		h.until(2 * hours)
		h.wantSent("45m0s ai")
		h.wantTimeline(run, "1 ai sent/ai", "ended completed")
	})
}

// A worker that dies after the guard may have sent the step: it is uncertain and never sent again.
func TestI6CrashAfterGuardUncertainNeverSent(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		run := h.arm(h.lead(true), quick[0], quick[1])
		h.until(30 * minutes)
		h.claimAndDieSending()
		h.start()
		h.until(31*minutes - time.Millisecond)
		h.wantTimeline(run, "sending")
		h.until(31 * minutes)
		h.wantTimeline(run, "1 none uncertain/crash", "armed")
		h.wantSent()
		h.until(3 * hours)
		h.wantSent("1h1m0s ai")
		h.wantTimeline(run, "1 none uncertain/crash", "2 ai sent/ai", "ended completed")
	})
}

// A crashed step is recorded once, although two replicas find it.
func TestI6CrashRecordedOnce(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		run := h.arm(h.lead(true), sample[0])
		h.until(30 * minutes)
		h.claimAndDieSending()
		h.start()
		first := h.runner
		h.restart() // a second replica beside the first
		h.until(2 * hours)
		h.wantTimeline(run, "1 none uncertain/crash", "ended completed")
		h.wantSent()
		h.equal(h.writer.asked(), 0, "requests to the model")
		h.must(first.Stop(h.Context()), "Stop")
	})
}

// A result that comes after the step was recorded as crashed is refused as stale.
func TestI6ResultAfterRecordedCrashIsStale(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		run := h.arm(h.lead(true), sample[0])
		h.until(30 * minutes)
		c, attempt := h.claimAndDieSending()
		h.start()
		h.pass(2 * minutes)
		h.wantTimeline(run, "1 none uncertain/crash", "ended completed")
		_, err := h.store.Store.FinishStep(h.Context(), followup.FinishStep{
			Run: run, Token: c.Token, Attempt: attempt, Kind: followup.KindAI,
			Outcome: followup.Sent, Reason: followup.ByAI, Next: -1, Now: time.Now(), Real: time.Now(),
		})
		h.equal(err, followup.ErrStale, "late finish")
		h.wantTimeline(run, "1 none uncertain/crash", "ended completed")
	})
}

// A reply during the dead worker's send ends the run when the crash is recorded.
// The step keeps its outcome.
func TestI5ReplyDuringCrashEndsRun(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		lead := h.lead(true)
		run := h.arm(lead, sample...)
		h.until(30 * minutes)
		h.claimAndDieSending()
		h.reply(lead)
		h.start()
		h.until(5 * hours)
		h.wantSent()
		h.wantTimeline(run, "1 none uncertain/crash", "ended replied")
	})
}

// Two runners on one store send every step once.
func TestI6TwoReplicasSendEveryStepOnce(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.writer.took, h.sender.took = 2*time.Second, time.Second
		var runs []followup.RunID
		for range 20 {
			runs = append(runs, h.arm(h.lead(true), quick[0], quick[1]))
		}
		h.start()
		first := h.runner
		h.restart()
		h.until(2 * hours)
		h.equal(len(h.sender.log()), 40, "provider calls")
		for _, run := range runs {
			h.wantTimeline(run, "1 ai sent/ai", "2 ai sent/ai", "ended completed")
		}
		h.must(first.Stop(h.Context()), "Stop")
	})
}

// The store knows what a worker was sending when it died: a template that stood in
// for another step is used up.
func TestI6StandInOfDyingWorkerUsedUp(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.sender.fenced = func() { panic("dead") }
		run := h.arm(h.lead(false), sample[0], comeBack)
		h.start()
		h.until(72 * hours)
		h.wantTimeline(run, "1 template uncertain/crash", "ended completed")
	})
}
