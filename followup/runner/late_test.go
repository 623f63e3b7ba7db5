package runner_test

import (
	"testing"
	"time"
)

// A step is sent if it is less than the maximum late.
func TestI7LatenessBoundedToMillisecond(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		late  time.Duration
		story []string
	}{
		"on time":        {0, []string{"1 ai sent/ai", "ended completed"}},
		"1 ms less":      {6*hours - time.Millisecond, []string{"1 ai sent/ai", "ended completed"}},
		"the maximum":    {6 * hours, []string{"1 none skipped/too_late", "ended completed"}},
		"1 ms more":      {6*hours + time.Millisecond, []string{"1 none skipped/too_late", "ended completed"}},
		"a week, closed": {7 * 24 * hours, []string{"1 none skipped/too_late", "ended completed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				run := h.arm(h.lead(true), sample[0])
				h.until(30*minutes + c.late)
				h.start()
				h.pass(time.Second)
				h.wantTimeline(run, c.story...)
			})
		})
	}
}

// Lateness counts at the moment of sending, whatever made the step late on its way.
func TestI7StepTooLateOnItsWaySkipped(t *testing.T) {
	t.Parallel()
	const most = 20 * time.Second
	for name, takes := range map[string]func(h *harness, d time.Duration){
		"text":   func(h *harness, d time.Duration) { h.writer.took = d },
		"pacing": func(h *harness, d time.Duration) { h.sender.pace = d },
		"retry": func(h *harness, d time.Duration) {
			h.sender.answers(notSent)
			h.sender.pause = d
		},
	} {
		for late, story := range map[time.Duration]string{
			most - 2*time.Millisecond: "1 ai sent/ai", most: "1 none skipped/too_late",
		} {
			t.Run(name+" took "+late.String(), func(t *testing.T) {
				t.Parallel()
				play(t, func(h *harness) {
					h.params.MaxLateness = most
					takes(h, late)
					run := h.armAndStart(sample[0])
					h.until(hours)
					h.wantTimeline(run, story, "ended completed")
				})
			})
		}
	}
}

// Each step waits for the one before, however late that one was: a lead does not get all
// steps of a long outage at once.
func TestBacklogIsNoBurstToOneLead(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		run := h.arm(h.lead(true), quick...)
		h.until(5 * hours)
		h.start()
		h.pass(10 * minutes)
		h.wantSent("5h0m0s ai")
		h.until(9 * hours)
		h.wantSent("5h0m0s ai", "5h30m0s ai", "7h30m0s come_back")
		h.wantTimeline(run, "1 ai sent/ai", "2 ai sent/ai", "3 template sent/template", "ended completed")
	})
}

// A step skipped for lateness does not make the next one late.
func TestLadderContinuesAfterLateStep(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		run := h.arm(h.lead(true), quick[0], quick[1])
		h.until(10 * hours)
		h.start()
		h.pass(hours)
		h.wantSent("10h30m0s ai")
		h.wantTimeline(run, "1 none skipped/too_late", "2 ai sent/ai", "ended completed")
	})
}
