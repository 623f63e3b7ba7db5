package runner_test

import (
	"testing"

	"wagate/followup"
)

// A step whose number is beyond its ladder's end fails, and affects no other step.
func TestI7StepBeyondLadderEnds(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		a := h.spyOnStore()
		good := h.arm(h.lead(true), sample[0])
		h.pass(minutes)
		beyond := h.arm(h.lead(true), sample[0])
		a.show = func(c *followup.Claimed) {
			if c.Run.ID == beyond {
				c.Run.Step = 1
			}
		}
		h.start()
		h.until(hours)
		h.wantTimeline(good, "1 ai sent/ai", "ended completed")
		h.wantTimeline(beyond, "1 none failed/unknown", "ended completed")
	})
}

// A ladder is read once, however many runs use it. Each run uses its own ladder.
func TestLadderReadOnce(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		for range 3 {
			h.arm(h.lead(true), sample[0])
			h.pass(minutes)
		}
		other := []followup.Step{{Interval: "PT30M", TemplateName: "own", TemplateLanguage: "pt_BR"}}
		h.arm(h.lead(true), other...)
		h.start()
		h.until(hours)
		h.wantSent("30m0s ai", "31m0s ai", "32m0s ai", "33m0s own")
		h.equal(h.store.reads.Load(), int32(2), "ladders read")
	})
}
