package runner_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/runner"
)

// stopAt starts the runner, stops it when the hook is passed, with this time for the steps in hand,
// and returns when it has stopped.
func (h *harness) stopAt(at *hook, within time.Duration) {
	h.Helper()
	passed := make(chan struct{})
	*at = once(func() { close(passed) })
	h.start()
	<-passed
	began := time.Now()
	ctx, cancel := context.WithTimeout(h.Context(), within)
	defer cancel()
	err := h.runner.Stop(ctx)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		h.Errorf("Stop: got error %v, want none or the deadline", err)
	}
	if took := time.Since(began); took > within+giveBackAtMost {
		h.Errorf("Stop: took %v, want at most %v", took, within+giveBackAtMost)
	}
	h.stopped = true
}

// stopNow stops the runner without time for the steps in hand.
func (h *harness) stopNow() {
	h.Helper()
	ctx, cancel := context.WithCancel(h.Context())
	cancel()
	h.must(h.runner.Stop(ctx), "Stop")
	h.stopped = true
}

// askAtMost is how long the runner waits for an answer of the store at most.
const askAtMost = 30 * time.Second

// giveBackAtMost is how long it takes, after the deadline of a stop, to release or record a step in
// hand with a store that answers.
const giveBackAtMost = 3 * time.Second

// A stop waits for the steps in hand, if it has the time.
func TestI7StopLetsStepFinish(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]func(h *harness) *hook{
		"claimed":      func(h *harness) *hook { return &h.store.claimed },
		"writing":      func(h *harness) *hook { return &h.writer.writing },
		"pacing":       func(h *harness) *hook { return &h.sender.pacing },
		"calling":      func(h *harness) *hook { return &h.sender.fenced },
		"call is over": func(h *harness) *hook { return &h.sender.answered },
		"finishing":    func(h *harness) *hook { return &h.store.finishing },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				h.writer.took, h.sender.pace, h.sender.took = 4*time.Second, 2*time.Second, time.Second
				run := h.arm(h.lead(true), quick[0], quick[1])
				h.stopAt(at(h), 30*time.Second)
				if name == "claimed" { // not begun yet: released, or sent
					h.equal(h.run(run).State, followup.RunArmed, "state")
					h.equal(h.run(run).Tries, 0, "tries spent")
				} else {
					h.wantTimeline(run, "1 ai sent/ai", "armed")
				}
				h.pass(2 * hours)
				h.equal(accepted(h) <= 1, true, "at most one message sent")
			})
		})
	}
}

// A stop without time releases what was not sent, unspent, and records what was. Whoever
// is next sends each step once.
func TestI7StopWithoutTimeReleasesUnspent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at   func(h *harness) *hook
		sent bool
	}{
		"claimed":      {func(h *harness) *hook { return &h.store.claimed }, false},
		"writing":      {func(h *harness) *hook { return &h.writer.writing }, false},
		"rendered":     {func(h *harness) *hook { return &h.sender.rendered }, false},
		"pacing":       {func(h *harness) *hook { return &h.sender.pacing }, false},
		"calling":      {func(h *harness) *hook { return &h.sender.fenced }, true},
		"call is over": {func(h *harness) *hook { return &h.sender.answered }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				h.writer.took, h.sender.pace, h.sender.took = 4*time.Second, 2*time.Second, time.Second
				run := h.arm(h.lead(true), quick[0], quick[1])
				h.stopAt(c.at(h), time.Millisecond)
				r := h.run(run)
				h.equal(r.State, followup.RunArmed, "state")
				h.equal(r.Tries, 0, "tries spent")
				h.equal(accepted(h) == 1, c.sent, "sent before Stop returned")
				h.restart()
				h.pass(2 * hours)
				h.wantTimeline(run, "1 ai sent/ai", "2 ai sent/ai", "ended completed")
				h.equal(len(h.sender.log()), 2, "provider calls")
			})
		})
	}
}

// A stop also releases a step whose ladder cannot be read, unspent.
func TestI7StopWhileLadderAwayReleasesUnspent(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.store.ladders.set(-1)
		run := h.arm(h.lead(true), sample[0])
		h.start()
		h.pass(30*minutes + 5*time.Second)
		h.equal(h.run(run).State, followup.RunClaimed, "state before the stop")
		h.stopNow()
		h.equal(h.run(run).State, followup.RunArmed, "state")
		h.equal(h.run(run).Tries, 0, "tries spent")
		h.equal(h.run(run).DueAt.Sub(h.began), 30*minutes, "due after")
	})
}

// A step that is released because of a stop is not logged. One that is released
// because the store is away is.
func TestLogTellsOutageFromStop(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		away func(h *harness) *outage
		says string
	}{
		"ladder": {func(h *harness) *outage { return &h.store.ladders }, "ladder of a due step not readable"},
		"guard":  {func(h *harness) *outage { return &h.store.guards }, "guard not reached, step given back"},
	} {
		for what, stop := range map[string]bool{"stop": true, "outage": false} {
			t.Run(name+" "+what, func(t *testing.T) {
				t.Parallel()
				play(t, func(h *harness) {
					log := h.recordLog()
					c.away(h).set(-1)
					h.armAndStart(sample[0])
					h.until(30*minutes + 5*time.Second)
					var want []string
					if !stop {
						h.until(30*minutes + askAtMost)
						want = []string{c.says}
					}
					h.stopNow()
					h.equal(slices.Compact(log.messages), want, "warnings and errors logged")
				})
			})
		}
	}
}

// A stop during the wait for a retry releases the step, which is known not to have been sent.
func TestI7StopDuringRetryWaitReleases(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.sender.pause = 10 * time.Second
		h.sender.answers(notSent)
		run := h.arm(h.lead(true), sample[0])
		h.stopAt(&h.sender.retrying, time.Millisecond)
		h.equal(h.run(run).State, followup.RunArmed, "state")
		h.restart()
		h.pass(2 * hours)
		h.equal(accepted(h), 1, "messages sent")
		h.wantTimeline(run, "1 ai sent/ai", "ended completed")
	})
}

// A stop while the store is away ends in bounded time, and the step's lease runs out.
func TestI7StopWhileStoreAway(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		run := h.arm(h.lead(true), sample[0])
		h.store.guards.set(-1)
		h.store.releases.set(-1)
		h.stopAt(&h.sender.fencing, time.Second)
		h.equal(h.run(run).State, followup.RunClaimed, "state")
		h.store.guards.set(0)
		h.store.releases.set(0)
		h.restart()
		h.pass(2 * hours)
		h.equal(len(h.sender.log()), 1, "provider calls")
		h.wantTimeline(run, "1 ai sent/ai", "ended completed")
	})
}

// Steps of a claim that was under way at the stop are released, and not kept
// until their leases run out.
func TestI7StopReleasesClaimUnderWay(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		run := h.arm(h.lead(true), sample[0])
		h.until(30 * minutes)
		h.store.answering = func() { time.Sleep(100 * time.Millisecond) }
		h.start()
		h.pass(50 * time.Millisecond)
		h.must(h.runner.Stop(h.Context()), "Stop")
		h.equal(h.run(run).State, followup.RunArmed, "state")
		h.wantSent()
		h.equal(h.writer.asked(), 0, "requests to the model")
	})
}

// A stop takes no longer for a full claim whose steps cannot be released than for a single step.
func TestI7StopBoundedForFullClaim(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		for range 20 {
			h.arm(h.lead(true), sample[0])
		}
		h.until(30 * minutes)
		h.store.answering = once(func() { time.Sleep(100 * time.Millisecond) })
		h.store.releases.set(-1)
		h.start()
		h.pass(50 * time.Millisecond)
		began := time.Now()
		h.stopNow()
		if took := time.Since(began); took > giveBackAtMost+100*time.Millisecond {
			h.Errorf("Stop: took %v, want at most %v", took, giveBackAtMost)
		}
	})
}

// A claim that hangs is cut off soon after the stop.
func TestStopCutsOffHangingClaim(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.Store = hangingClaims{h.store}
		h.start()
		h.pass(minutes)
		began := time.Now()
		h.stopNow()
		h.equal(time.Since(began), 3*time.Second, "Stop took")
	})
}

// hangingClaims is a store that never answers a claim.
type hangingClaims struct{ *store }

func (h hangingClaims) Claim(ctx context.Context, _ followup.ClaimParams) (followup.Batch, error) {
	<-ctx.Done()
	return followup.Batch{}, ctx.Err()
}

// Stop may be called before Start and again, and Wake after Stop.
func TestStopIsSafeAtAnyTime(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.must(runner.New(h.params).Stop(h.Context()), "Stop before Start")
		h.restart()
		h.must(h.runner.Stop(h.Context()), "Stop")
		h.must(h.runner.Stop(h.Context()), "Stop again")
		h.runner.Wake()
	})
}
