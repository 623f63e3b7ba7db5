package runner_test

import (
	"cmp"
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// While the store is away nothing is sent and nothing is lost: the step is sent once,
// soon after the store is back.
func TestI7StoreAway(t *testing.T) {
	t.Parallel()
	for name, outage := range map[string]func(h *harness) *outage{
		"claim":   func(h *harness) *outage { return &h.store.claims },
		"ladder":  func(h *harness) *outage { return &h.store.ladders },
		"history": func(h *harness) *outage { return &h.store.histories },
		"guard":   func(h *harness) *outage { return &h.store.guards },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				away := outage(h)
				away.set(-1)
				run := h.armAndStart(sample[0])
				h.until(45 * minutes)
				h.wantSent()
				h.equal(h.run(run).State != followup.RunEnded, true, "run still live")
				away.set(0)
				h.until(47*minutes + 30*time.Second)
				h.equal(accepted(h), 1, "messages sent")
				h.wantTimeline(run, "1 ai sent/ai", "ended completed")
				h.wantLostClaims(0)
			})
		})
	}
}

// The guard allowed a step and the store recorded it as sending, but the answer was lost. A step
// that is then not sent after all gets the outcome it really had.
func TestI7GuardAnswerLostThenNotSent(t *testing.T) {
	t.Parallel()
	resting := func(h *harness, send int) {
		h.sender.resting = send != 2
		if send == 2 { // put off once already, which is the maximum
			h.store.guardAnswer.set(1)
		}
	}
	for name, row := range map[string]struct {
		before func(h *harness, send int) // called before each send
		want   string
	}{
		"its template is paused": {func(h *harness, send int) {
			if send == 1 {
				h.store.guardAnswer.set(1)
				return
			}
			h.templates.tell(providers.TemplateInfo{Name: "come_back", Status: providers.TemplatePaused})
		}, "1 template skipped/template_paused"},
		"it is too late": {func(h *harness, send int) {
			if send == 1 {
				h.store.guardAnswer.set(1)
				return
			}
			time.Sleep(7 * hours)
		}, "1 none skipped/too_late"},
		"the provider rests": {resting, "1 template failed/transient"},
		"the lead answers while the provider rests": {func(h *harness, send int) {
			if resting(h, send); send == 3 {
				h.reply(h.leads[0])
			}
		}, "1 none cancelled/replied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				h.params.MaxTries = 1
				h.params.SendLease = 5 * minutes // the lease is renewed each minute if the worker looks
				h.store.OnEnded = h.steps.Ended
				send := 0
				h.sender.rendered = func() {
					send++
					row.before(h, send)
				}
				run := h.armAndStart(followup.Step{Interval: "PT30M", TemplateName: "come_back", TemplateLanguage: "pt_BR"})
				h.until(9 * hours)
				h.wantSent()
				h.equal(h.timeline(run)[0], row.want, "the step")
				h.wantLostClaims(0)
			})
		})
	}
}

// lateGuard is a store that the first guard call reaches late: right before an outcome is recorded.
// The second guard call is refused.
type lateGuard struct {
	*store
	first *followup.GuardStep
	once  sync.Once
}

func (d *lateGuard) GuardStep(_ context.Context, g followup.GuardStep) (followup.Verdict, error) {
	if d.first == nil {
		d.first = &g
		return followup.Verdict{}, errAway
	}
	return followup.Verdict{Refusal: followup.RefusedPaused}, nil
}

func (d *lateGuard) FinishStep(ctx context.Context, f followup.FinishStep) (followup.Finished, error) {
	d.once.Do(func() { _, _ = d.store.GuardStep(ctx, *d.first) })
	return d.store.FinishStep(ctx, f)
}

// A guard call that failed for its worker may reach the store after the next one was refused. The
// worker no longer holds the step by then, so the outcome is recorded as it was.
func TestI7LateGuardAfterRefusal(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.Store = &lateGuard{store: h.store}
		run := h.armAndStart(followup.Step{Interval: "PT30M", TemplateName: "come_back", TemplateLanguage: "pt_BR"})
		h.until(hours)
		h.wantSent()
		h.wantTimeline(run, "1 none skipped/paused", "ended completed")
		h.wantLostClaims(0)
	})
}

// A step whose guard answer was lost is not in sending while it waits for pacing: a
// reply ends its run at once.
func TestI5ReplyEndsPacedStepAfterLostGuardAnswer(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.store.guardAnswer.set(1)
		h.store.OnEnded = h.steps.Ended
		send := 0
		h.sender.rendered = func() { send++ }
		h.sender.full = func() bool { return send > 1 }
		run := h.armAndStart(followup.Step{Interval: "PT30M", TemplateName: "come_back", TemplateLanguage: "pt_BR"})
		h.until(30*minutes + 30*time.Second)
		h.reply(h.leads[0])
		h.wantTimeline(run, "1 none cancelled/replied", "ended replied")
		h.wantSent()
	})
}

// While the guard cannot be reached, the text is kept and not written again each second.
func TestUnreachableGuardKeepsText(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.store.guards.set(-1)
		h.armAndStart(sample[0])
		h.until(40 * minutes)
		if n := h.writer.asked(); n > 30 {
			t.Errorf("requests to the model in 10 minutes: got %d, want at most 30", n)
		}
		h.store.guards.set(0)
		h.pass(minutes)
		h.equal(accepted(h), 1, "messages sent")
	})
}

// A result is recorded although the store is away for a while, with the time
// at which the result came.
func TestI7ResultRecordedAfterOutage(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.store.finishing = once(func() {
			h.store.finishes.set(-1)
			time.AfterFunc(20*time.Second, func() { h.store.finishes.set(0) })
		})
		run := h.armAndStart(sample...)
		h.until(32 * minutes)
		h.wantTimeline(run, "1 ai sent/ai", "armed")
		h.equal(h.run(run).Timeline[0].At.Sub(h.began), 30*minutes, "when the step ended")
		h.until(3 * hours)
		h.wantSent("30m0s ai", "2h30m0s ai")
	})
}

// A store that is away for too long is like a crash: the step is uncertain and is not sent again.
func TestI6UnrecordedResultIsUncertain(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.store.finishes.set(-1)
		log := h.recordLog()
		run := h.armAndStart(sample[0])
		h.until(30*minutes + 45*time.Second)
		h.equal(log.messages, []string{"outcome of a step not recorded"}, "warnings and errors logged")
		h.until(40 * minutes)
		h.store.finishes.set(0)
		h.until(2 * hours)
		h.equal(len(h.sender.log()), 1, "provider calls")
		h.wantTimeline(run, "1 ai uncertain/crash", "ended completed")
	})
}

// A record whose answer was lost (too few replicas in time) is made once and counted once.
func TestI7RecordWithLostAnswerCountedOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ finishes, runs int }{{1, 0}, {2, 0}, {1, 2}} {
		play(t, func(h *harness) {
			h.store.finishAnswer.set(c.finishes)
			h.store.runs.set(c.runs)
			run := h.armAndStart(quick[0], quick[1])
			h.until(2 * hours)
			h.wantTimeline(run, "1 ai sent/ai", "2 ai sent/ai", "ended completed")
			h.equal(h.counted(), map[string]float64{"ai sent ai": 2}, "counted")
		})
	}
}

// A step that could not be released is not sent again. When its lease has run out, nobody knows
// that nothing was sent, so it is uncertain.
func TestI6UnreleasedStepNotSentAgain(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.sender.tries = 1
		h.sender.answers(notSent)
		h.store.releases.set(-1)
		run := h.armAndStart(sample[0])
		h.until(2 * hours)
		h.equal(len(h.sender.log()), 1, "provider calls")
		h.wantTimeline(run, "1 ai uncertain/crash", "ended completed")
	})
}

// One failed release costs nothing: it is tried again.
func TestReleaseIsRetried(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.sender.tries = 1
		h.sender.answers(notSent)
		h.store.releases.set(1)
		run := h.armAndStart(sample[0])
		h.until(2 * hours)
		h.equal(accepted(h), 1, "messages sent")
		h.wantTimeline(run, "1 ai sent/ai", "ended completed")
	})
}

// failingClaims is a store whose claims return their steps and an error.
type failingClaims struct{ *store }

func (s failingClaims) Claim(ctx context.Context, c followup.ClaimParams) (followup.Batch, error) {
	b, err := s.store.Claim(ctx, c)
	return b, cmp.Or(err, errAway)
}

// A claim that returns an error may have brought steps and ended runs: they are worked on and
// counted. The claim does not count as a success for Alive.
func TestI7ClaimWithErrorIsWorkedOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.params.Store = failingClaims{h.store}
		h.store.ended = []followup.Ended{{Step: 1, Reason: followup.ConfigOff}}
		run := h.armAndStart(sample[0])
		h.until(hours)
		h.wantTimeline(run, "1 ai sent/ai", "ended completed")
		h.equal(h.runner.Alive(hours), false, "alive")
		h.stop()
		h.equal(h.counted(), map[string]float64{"ai sent ai": 1, "none cancelled config_inactive": 1}, "counted")
	})
}

// The runner is alive as long as its poller reaches the store.
func TestAliveWhileStoreReached(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.start()
		h.pass(minutes)
		h.equal(h.runner.Alive(11*time.Second), true, "alive")
		h.store.claims.set(-1)
		h.pass(minutes)
		h.equal(h.runner.Alive(11*time.Second), false, "alive while the store is away")
		h.store.claims.set(0)
		h.pass(minutes)
		h.equal(h.runner.Alive(11*time.Second), true, "alive again")
	})
}

// A step whose ladder cannot be read is kept for a while and then released unspent: neither its
// tries nor its due time change.
func TestI7StepWithUnreadableLadderReleasedUnspent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		away  time.Duration
		story []string
	}{
		"for a while":  {hours, []string{"1 ai sent/ai", "ended completed"}},
		"for too long": {6 * hours, []string{"1 none skipped/too_late", "ended completed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				claims := timeLog{h: h}
				h.store.claimed = claims.record
				h.store.ladders.set(-1)
				run := h.armAndStart(sample[0])
				h.until(30*minutes + c.away)
				h.equal(h.run(run).Tries, 0, "tries spent")
				if n, most := len(claims.all()), int(c.away/(20*time.Second)); n > most {
					h.Errorf("times it was claimed meanwhile: got %d, want at most %d", n, most)
				}
				h.store.ladders.set(0)
				h.pass(minutes)
				h.wantTimeline(run, c.story...)
				h.equal(h.run(run).Timeline[0].DueAt.Sub(h.began), 30*minutes, "when it was due")
			})
		})
	}
}
