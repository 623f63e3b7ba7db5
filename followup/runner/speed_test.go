package runner_test

import (
	"fmt"
	"testing"
	"time"

	"wagate/followup"
)

// setSpeed makes domain time run at this speed from now on.
func (h *harness) setSpeed(speed float64) {
	began := time.Now()
	h.params.Speed = speed
	h.params.Now = func() time.Time { return began.Add(time.Duration(float64(time.Since(began)) * speed)) }
}

// atSpeeds runs a test with domain time faster than, equal to and slower than real time.
func atSpeeds(t *testing.T, story func(h *harness, speed float64)) {
	t.Helper()
	for _, speed := range []float64{60, 1, 1. / 60} {
		t.Run(fmt.Sprint(speed), func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				h.params.MaxSleep = 100 * hours // only what the store says wakes the runner
				h.params.MaxLateness = 1000 * hours
				h.setSpeed(speed)
				story(h, speed)
			})
		})
	}
}

// realTime is how long a domain duration takes in real time.
func realTime(d time.Duration, speed float64) time.Duration { return time.Duration(float64(d) / speed) }

// A lease runs in real time: a step whose worker died is found when its lease is over, at any
// speed, and the store is not polled all the time until then.
func TestLeaseExpiresInRealTime(t *testing.T) {
	t.Parallel()
	atSpeeds(t, func(h *harness, _ float64) {
		run := h.arm(h.lead(true), sample[0])
		b, err := h.store.Store.Claim(h.Context(), followup.ClaimParams{
			Now: h.began.Add(30 * minutes), Real: time.Now(), Limit: 1, Lease: 3 * minutes,
		})
		h.must(err, "Claim")
		h.equal(len(b.Steps), 1, "steps claimed")
		asked := timeLog{h: h}
		h.store.answering = asked.record
		h.start()
		h.until(3*minutes - time.Millisecond)
		h.equal(len(asked.all()) <= 5, true, "at most 5 claims before the lease is over")
		h.wantSent()
		h.until(4 * minutes)
		h.wantSent("3m0s ai")
		h.wantTimeline(run, "1 ai sent/ai", "ended completed")
	})
}

// A step is due in domain time, and is put off in real time if the provider refuses it.
func TestDueInDomainTimePutOffInRealTime(t *testing.T) {
	t.Parallel()
	atSpeeds(t, func(h *harness, speed float64) {
		const look = time.Second // a step that was put off does not wake the poller
		h.params.MaxSleep = look
		h.sender.tries = 1
		h.sender.answers(notSent)
		run := h.armAndStart(sample[0])
		due := realTime(30*minutes, speed)
		h.until(due + minutes + look)
		calls := h.sender.log()
		if len(calls) != 2 {
			h.Fatalf("provider calls: got %d, want 2", len(calls))
		}
		for i, want := range []time.Duration{due, due + minutes} {
			after := calls[i].at.Sub(h.began) - want
			h.equal(after >= 0 && after <= look, true, fmt.Sprintf("call %d came when due or at the next poll", i))
		}
		h.wantTimeline(run, "1 ai sent/ai", "ended completed")
	})
}

// Lateness is in domain time, even for a step that waits for pacing in real time.
func TestPacedStepTooLateInDomainTime(t *testing.T) {
	t.Parallel()
	atSpeeds(t, func(h *harness, speed float64) {
		const late = 125 * minutes // no multiple of one wait for pacing
		h.params.MaxLateness = late
		due := realTime(30*minutes, speed)
		h.sender.full = func() bool { return true }
		run := h.armAndStart(sample[0])
		h.until(due + realTime(late, speed) - time.Second)
		h.wantTimeline(run, "claimed")
		h.until(due + realTime(late, speed) + time.Second)
		h.wantTimeline(run, "1 none skipped/too_late", "ended completed")
	})
}

// A run that ends while its step is released gets its end in domain time.
func TestReleasedRunEndsInDomainTime(t *testing.T) {
	t.Parallel()
	atSpeeds(t, func(h *harness, speed float64) {
		h.sender.tries = 1
		h.sender.answers(notSent)
		h.store.OnEnded = h.steps.Ended
		lead := h.lead(true)
		var ended time.Time
		h.sender.answered = once(func() {
			ended = h.params.Now()
			h.reply(lead)
		})
		run := h.arm(lead, sample[0])
		h.start()
		h.until(realTime(30*minutes, speed) + time.Second)
		h.wantTimeline(run, "1 none cancelled/replied", "ended replied")
		h.equal(h.run(run).EndedAt.Sub(ended).Abs() < time.Second, true, "ended when it was given back")
	})
}
