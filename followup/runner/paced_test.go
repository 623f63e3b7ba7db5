package runner_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// fullUntil makes the channel full until d after the start of the test, and returns
// when it was asked for room.
func (h *harness) fullUntil(d time.Duration) (asked *timeLog) {
	asked = &timeLog{h: h}
	h.sender.full = func() bool {
		if time.Since(h.began) >= d {
			return false
		}
		asked.record()
		return true
	}
	return asked
}

// A step that waits for its channel's pacing is sent as soon as there is room, however long that
// takes. The wait counts no try and keeps the text and the claim.
func TestI7PacedStepSentWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		asked := h.fullUntil(4 * hours)
		run := h.armAndStart(sample[0])
		h.until(4*hours - time.Millisecond)
		h.wantTimeline(run, "claimed")
		h.equal(h.run(run).Tries, 0, "tries")
		h.equal(len(asked.all()), int(3*hours+30*minutes)/int(fullFor/2), "times asked for room, one each half of fullFor")
		h.until(5 * hours)
		h.wantSent("4h0m0s ai")
		h.equal(h.writer.asked(), 1, "requests to the model")
		h.wantTimeline(run, "1 ai sent/ai", "ended completed")
	})
}

// If the lead's phone changes while a step waits for room, the message goes to the new phone: the
// old one may be somebody else's.
func TestI10PacedStepUsesCurrentPhone(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.fullUntil(4 * hours)
		h.armAndStart(followup.Step{Interval: "PT30M", TemplateName: "come_back", TemplateLanguage: "pt_BR"})
		h.until(3 * hours)
		l, err := h.store.Lead(h.Context(), h.tenant, h.leads[0])
		h.must(err, "Lead")
		l.Phone = "559912345678"
		_, err = h.store.PutLead(h.Context(), followup.PutLead{Lead: l, Now: time.Now(), Real: time.Now()})
		h.must(err, "PutLead")
		h.until(5 * hours)
		h.wantSent("4h0m0s come_back")
		h.equal(h.sender.log()[0].to, l.Contact(), "sent to")
	})
}

// A step that waits for pacing is skipped when it is too late, to the millisecond, even if nobody
// asks for room at that moment.
func TestI7PacedStepSkippedWhenTooLate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		room  time.Duration // after the step is due
		story []string
	}{
		"room 1 ms before it is too late": {20*time.Second - time.Millisecond, []string{"1 template sent/template", "ended completed"}},
		"room when it is too late":        {20 * time.Second, []string{"1 none skipped/too_late", "ended completed"}},
		"no room":                         {hours, []string{"1 none skipped/too_late", "ended completed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				h.params.MaxLateness = 20 * time.Second
				h.sender.full = func() bool { return time.Since(h.began) < 30*minutes+c.room }
				run := h.armAndStart(followup.Step{Interval: "PT30M", TemplateName: "one", TemplateLanguage: "pt_BR"})
				h.until(30*minutes + 20*time.Second + time.Millisecond)
				h.wantTimeline(run, c.story...)
			})
		})
	}
}

// Each cause of delay has its own limit: a step that was put off as often as allowed, and waited
// for pacing, still survives the death of one worker.
func TestI7StepPutOffAndPacedOutlivesWorker(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.sender.tries = 1
		h.sender.answers(notSent, notSent, notSent, notSent, notSent)
		run := h.armAndStart(sample[0])
		h.until(61*minutes - time.Millisecond) // put off five times
		h.equal(h.run(run).Tries, 5, "tries")
		h.stop()
		h.pass(time.Millisecond)
		h.claimAndDie()
		h.fullUntil(70 * minutes)
		h.restart()
		h.until(2 * hours)
		h.wantTimeline(run, "1 ai sent/ai", "ended completed")
	})
}

// A store that is away for a minute, again and again, costs a step that waits for pacing
// neither its text nor its claim.
func TestI7PacedStepWaitsOnWhileStoreAway(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.fullUntil(4 * hours)
		run := h.armAndStart(sample[0])
		for at := 40 * minutes; at < 4*hours; at += 10 * minutes {
			h.until(at)
			for _, n := range []int{-1, 0} {
				for _, of := range []*outage{&h.sender.away, &h.store.extends, &h.store.releases, &h.store.claims} {
					of.set(n)
				}
				h.pass(minutes)
			}
		}
		h.until(4*hours + fullFor)
		h.equal(accepted(h), 1, "messages sent")
		h.equal(h.writer.asked(), 1, "requests to the model")
		h.wantTimeline(run, "1 ai sent/ai", "ended completed")
	})
}

// A stop releases a step that waits for pacing at once, without counting a try,
// however much time the stop has.
func TestI7StopReleasesPacedStep(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(h *harness){"with time": (*harness).stop, "with none": (*harness).abandon} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				h.fullUntil(hours)
				run := h.armAndStart(sample[0])
				h.until(40 * minutes)
				began := time.Now()
				stop(h)
				h.equal(time.Since(began), time.Duration(0), "Stop took")
				h.wantTimeline(run, "armed")
				h.equal(h.run(run).Tries, 0, "tries")
				h.equal(h.run(run).DueAt.Sub(h.began), 30*minutes, "due after")
			})
		})
	}
}

// A reply while a step waits for pacing ends the run, and nothing is sent.
func TestI5ReplyEndsPacedStep(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.fullUntil(hours)
		run := h.armAndStart(sample[0])
		h.until(40 * minutes)
		h.reply(h.leads[0])
		h.until(2 * hours)
		h.wantSent()
		h.wantTimeline(run, "1 none cancelled/replied", "ended replied")
	})
}

// pacedChannel is a channel that takes one message a second from all replicas together. At most as
// many as slots wait for their turn.
type pacedChannel struct {
	*sender
	slots chan struct{}
	next  chan time.Time
}

func (l *pacedChannel) Send(ctx context.Context, c followup.ChannelID, m providers.Message, guard followup.Guard) (followup.SendResult, error) {
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	default:
		return full()
	}
	at := <-l.next
	if at.Before(time.Now()) {
		at = time.Now()
	}
	l.next <- at.Add(time.Second)
	if !sleep(ctx, time.Until(at)) {
		return followup.SendResult{}, ctx.Err()
	}
	return l.sender.Send(ctx, c, m, guard)
}

// Five replicas that have more to send than their channel takes send all of
// it at the channel's pace.
func TestI7FiveReplicasSendAtChannelPace(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		const steps = 1000
		l := &pacedChannel{sender: h.sender, slots: make(chan struct{}, 15), next: make(chan time.Time, 1)}
		l.next <- time.Time{}
		h.params.Sender = l
		var runs []followup.RunID
		for range steps {
			runs = append(runs, h.arm(h.lead(true), sample[0]))
		}
		h.start()
		first := h.runner
		defer func() { h.must(first.Stop(h.Context()), "Stop") }()
		for range 4 {
			h.restart()
			other := h.runner
			defer func() { h.must(other.Stop(h.Context()), "Stop") }()
		}
		h.until(30*minutes + steps*time.Second)
		story := map[string]int{}
		for _, run := range runs {
			story[fmt.Sprint(h.timeline(run))]++
		}
		h.equal(story, map[string]int{"[1 ai sent/ai ended completed]": steps}, "timelines")
		h.equal(h.writer.asked(), steps, "requests to the model")
	})
}

// fullAfterRefusal makes the provider refuse the first text because the window is closed, and the
// channel full from then until d after the start of the test.
func (h *harness) fullAfterRefusal(d time.Duration) {
	h.sender.answers(&providers.Error{Kind: providers.WindowClosed, Code: 131047})
	h.sender.answered = once(func() { h.fullUntil(d) })
}

// A template that is sent in place of a refused text waits for pacing like any
// other: a reply ends its run.
func TestI5ReplyEndsPacedStandIn(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.fullAfterRefusal(2 * hours)
		run := h.armAndStart(sample[0], sample[2])
		h.until(40 * minutes)
		h.wantTimeline(run, "claimed")
		h.reply(h.leads[0])
		h.wantTimeline(run, "1 none cancelled/replied", "ended replied")
		h.until(3 * hours)
		h.wantSent()
	})
}

// While such a template waits for pacing it is not in sending: it is sent although its worker dies.
func TestI7PacedStandInOutlivesWorker(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.ClaimLease = 3 * minutes
		h.fullAfterRefusal(2 * hours)
		run := h.armAndStart(sample[0], sample[2])
		h.until(40 * minutes)
		h.store.extends.set(-1) // as if the worker were dead: nobody renews the lease
		first := h.runner
		h.restart()
		h.until(50 * minutes)
		h.store.extends.set(0)
		h.must(first.Stop(h.Context()), "Stop")
		h.until(3 * hours)
		h.equal(accepted(h), 1, "messages sent")
		h.wantTimeline(run, "1 template sent/template", "ended completed")
	})
}

// oneFullChannel is a sender of which one channel is full.
type oneFullChannel struct {
	*sender

	channel followup.ChannelID
}

func (f *oneFullChannel) Send(ctx context.Context, c followup.ChannelID, m providers.Message, guard followup.Guard) (followup.SendResult, error) {
	if c == f.channel {
		return full()
	}
	return f.sender.Send(ctx, c, m, guard)
}

// Steps that wait for pacing keep no worker from another tenant.
func TestI9FullChannelDelaysNoOtherTenant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // not play: checkCounter knows one tenant only
		h := newHarness(t)
		h.params.Workers, h.params.PerTenant = 2, 2
		h.params.Sender = &oneFullChannel{sender: h.sender, channel: h.channel}
		for range 3 {
			h.arm(h.lead(true), sample[0])
		}
		next := h.armOtherTenant(40 * minutes)
		h.start()
		h.until(41 * minutes)
		h.equal(next().State, followup.RunEnded, "run of the other tenant")
		h.stop()
	})
}

// The number of steps that wait for pacing is bounded, besides those that workers have in hand.
func TestStepsWaitingForPacingBounded(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.Workers, h.params.PerTenant, h.params.Writing = 2, 9, 3
		h.fullUntil(26 * hours)
		var runs []followup.RunID
		for range 9 {
			runs = append(runs, h.arm(h.lead(true), sample[2]))
		}
		h.start()
		h.until(25 * hours)
		story := map[string]int{}
		for _, run := range runs {
			story[fmt.Sprint(h.timeline(run))]++
		}
		h.equal(story, map[string]int{"[claimed]": 5, "[armed]": 4}, "timelines")
		h.until(27 * hours)
		h.equal(accepted(h), 9, "messages sent")
	})
}
