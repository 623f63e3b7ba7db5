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

// While the store is away nothing is sent, and nothing is lost: the step is
// sent once, soon after it is back.
func TestI7TheStoreIsAway(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]func(h *harness) *trouble{
		"claim":   func(h *harness) *trouble { return &h.store.claims },
		"ladder":  func(h *harness) *trouble { return &h.store.ladders },
		"history": func(h *harness) *trouble { return &h.store.histories },
		"guard":   func(h *harness) *trouble { return &h.store.guards },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				away := trouble(h)
				away.set(-1)
				run := h.begin(seed[0])
				h.until(45 * minutes)
				h.sent()
				h.is(h.run(run).State != followup.RunEnded, true, "still to be sent")
				away.set(0)
				h.until(47*minutes + 30*time.Second)
				h.is(accepted(h), 1, "messages sent")
				h.tells(run, "1 ai sent/ai", "ended completed")
				h.lost(0)
			})
		})
	}
}

// A step that had leave to be sent, which nobody heard of, is not sent after all: it is
// in sending, and nobody has the attempt. What becomes of it is recorded as it was.
func TestI7AnUnsentStepWhoseLeaveWasNotHeardOf(t *testing.T) {
	t.Parallel()
	resting := func(h *harness, send int) {
		h.sender.resting = send != 2
		if send == 2 { // it has been put off once, which is as often as it may be
			h.store.leave.set(1)
		}
	}
	for name, row := range map[string]struct {
		before func(h *harness, send int) // each time that it is to be sent
		want   string
	}{
		"its template is paused": {func(h *harness, send int) {
			if send == 1 {
				h.store.leave.set(1)
				return
			}
			h.templates.tell(providers.TemplateInfo{Name: "come_back", Status: providers.TemplatePaused})
		}, "1 template skipped/template_paused"},
		"it is too late": {func(h *harness, send int) {
			if send == 1 {
				h.store.leave.set(1)
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
				h.params.SendLease = 5 * minutes // which is kept each minute, while one looks on
				h.store.OnEnded = h.steps.Ended
				send := 0
				h.sender.rendered = func() {
					send++
					row.before(h, send)
				}
				run := h.begin(followup.Step{Interval: "PT30M", TemplateName: "come_back", TemplateLanguage: "pt_BR"})
				h.until(9 * hours)
				h.sent()
				h.is(h.story(run)[0], row.want, "the step")
				h.lost(0)
			})
		})
	}
}

// delayed is a store that the first guard reaches when its worker has gone on: right before
// an outcome is recorded.
type delayed struct {
	*store
	first *followup.GuardStep
	once  sync.Once
}

func (d *delayed) GuardStep(_ context.Context, g followup.GuardStep) (followup.Verdict, error) {
	if d.first == nil {
		d.first = &g
		return followup.Verdict{}, errAway
	}
	return followup.Verdict{Refusal: followup.RefusedPaused}, nil
}

func (d *delayed) FinishStep(ctx context.Context, f followup.FinishStep) (followup.Finished, error) {
	d.once.Do(func() { _, _ = d.store.GuardStep(ctx, *d.first) })
	return d.store.FinishStep(ctx, f)
}

// A guard that was not heard of may reach the store when the next has refused: by then its
// worker holds the step no more, so that what became of it is recorded as it was.
func TestI7AGuardThatComesWhenTheNextHasRefused(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.Store = &delayed{store: h.store}
		run := h.begin(followup.Step{Interval: "PT30M", TemplateName: "come_back", TemplateLanguage: "pt_BR"})
		h.until(hours)
		h.sent()
		h.tells(run, "1 none skipped/paused", "ended completed")
		h.lost(0)
	})
}

// A step whose leave nobody heard of does not wait for pacing as one that is being sent:
// an answer of the lead ends its run at once.
func TestI5AStepWhoseLeaveWasNotHeardOfWaitsAsAnyOther(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.store.leave.set(1)
		h.store.OnEnded = h.steps.Ended
		send := 0
		h.sender.rendered = func() { send++ }
		h.sender.full = func() bool { return send > 1 }
		run := h.begin(followup.Step{Interval: "PT30M", TemplateName: "come_back", TemplateLanguage: "pt_BR"})
		h.until(30*minutes + 30*time.Second)
		h.reply(h.leads[0])
		h.tells(run, "1 none cancelled/replied", "ended replied")
		h.sent()
	})
}

// A store that cannot be asked for leave costs no text per second: what was
// written is kept while it is away.
func TestAnUnreachableGuardDoesNotBurnTexts(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.store.guards.set(-1)
		h.begin(seed[0])
		h.until(40 * minutes)
		if n := h.writer.asked(); n > 30 {
			t.Errorf("requests to the model in 10 minutes: got %d, want at most 30", n)
		}
		h.store.guards.set(0)
		h.pass(minutes)
		h.is(accepted(h), 1, "messages sent")
	})
}

// A result is recorded although the store is away for a while, with the time
// at which it came.
func TestI7AResultOutlivesTheStoreBeingAway(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.store.finishing = once(func() {
			h.store.finishes.set(-1)
			time.AfterFunc(20*time.Second, func() { h.store.finishes.set(0) })
		})
		run := h.begin(seed...)
		h.until(32 * minutes)
		h.tells(run, "1 ai sent/ai", "armed")
		h.is(h.run(run).Timeline[0].At.Sub(h.began), 30*minutes, "when the step ended")
		h.until(3 * hours)
		h.sent("30m0s ai", "2h30m0s ai")
	})
}

// Away for too long is like a crash: the step may have been sent and says so,
// and is not sent again.
func TestI6AResultThatCannotBeRecordedIsUncertain(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.store.finishes.set(-1)
		log := h.complaints()
		run := h.begin(seed[0])
		h.until(30*minutes + 45*time.Second)
		h.is(log.said, []string{"outcome of a step not recorded"}, "complaints")
		h.until(40 * minutes)
		h.store.finishes.set(0)
		h.until(2 * hours)
		h.is(len(h.sender.log()), 1, "provider calls")
		h.tells(run, "1 ai uncertain/crash", "ended completed")
	})
}

// A record that was made and not heard of (too few replicas in time) is made
// once and counted once.
func TestI7ARecordThatWasNotHeardOfIsCountedOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ finishes, runs int }{{1, 0}, {2, 0}, {1, 2}} {
		play(t, func(h *harness) {
			h.store.unheard.set(c.finishes)
			h.store.runs.set(c.runs)
			run := h.begin(quick[0], quick[1])
			h.until(2 * hours)
			h.tells(run, "1 ai sent/ai", "2 ai sent/ai", "ended completed")
			h.is(h.counted(), map[string]float64{"ai sent ai": 2}, "counted")
		})
	}
}

// A step that could not be given back is not sent before its lease has run
// out; as nobody knows then that nothing was sent, it is uncertain.
func TestI6AStepThatCouldNotBeGivenBackIsNotSentAgain(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.sender.tries = 1
		h.sender.answers(notSent)
		h.store.releases.set(-1)
		run := h.begin(seed[0])
		h.until(2 * hours)
		h.is(len(h.sender.log()), 1, "provider calls")
		h.tells(run, "1 ai uncertain/crash", "ended completed")
	})
}

// A store that stumbles once when a step is given back costs nothing.
func TestGivingBackIsTriedAgain(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.sender.tries = 1
		h.sender.answers(notSent)
		h.store.releases.set(1)
		run := h.begin(seed[0])
		h.until(2 * hours)
		h.is(accepted(h), 1, "messages sent")
		h.tells(run, "1 ai sent/ai", "ended completed")
	})
}

// torn is a store whose claims end in an error, whatever they brought.
type torn struct{ *store }

func (s torn) Claim(ctx context.Context, c followup.ClaimParams) (followup.Batch, error) {
	b, err := s.store.Claim(ctx, c)
	return b, cmp.Or(err, errAway)
}

// What a claim brought is worked on and counted although it ended in an error,
// and the error is not taken for a claim that went well.
func TestI7AClaimThatEndsInAnErrorIsWorkedOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.params.Store = torn{h.store}
		h.store.ended = []followup.Ended{{Step: 1, Reason: followup.ConfigOff}}
		run := h.begin(seed[0])
		h.until(hours)
		h.tells(run, "1 ai sent/ai", "ended completed")
		h.is(h.runner.Alive(hours), false, "alive")
		h.stop()
		h.is(h.counted(), map[string]float64{"ai sent ai": 1, "none cancelled config_inactive": 1}, "counted")
	})
}

// The poller is alive as long as it reaches the store.
func TestAliveTellsWhetherTheStoreIsReached(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.start()
		h.pass(minutes)
		h.is(h.runner.Alive(11*time.Second), true, "alive")
		h.store.claims.set(-1)
		h.pass(minutes)
		h.is(h.runner.Alive(11*time.Second), false, "alive while the store is away")
		h.store.claims.set(0)
		h.pass(minutes)
		h.is(h.runner.Alive(11*time.Second), true, "alive again")
	})
}

// A step whose ladder cannot be read is kept for a while and given back unspent:
// it has its tries, and is as late as it is.
func TestI7AStepWhoseLadderIsAwayIsGivenBackUnspent(t *testing.T) {
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
				claims := times{h: h}
				h.store.claimed = claims.happened
				h.store.ladders.set(-1)
				run := h.begin(seed[0])
				h.until(30*minutes + c.away)
				h.is(h.run(run).Tries, 0, "tries spent")
				if n, most := len(claims.all()), int(c.away/(20*time.Second)); n > most {
					h.Errorf("times it was claimed meanwhile: got %d, want at most %d", n, most)
				}
				h.store.ladders.set(0)
				h.pass(minutes)
				h.tells(run, c.story...)
				h.is(h.run(run).Timeline[0].DueAt.Sub(h.began), 30*minutes, "when it was due")
			})
		})
	}
}
