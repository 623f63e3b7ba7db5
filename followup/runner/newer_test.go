package runner_test

import (
	"testing"
	"time"

	"wagate/followup"
)

// A step whose template entry only a newer replica can read is left for that replica. It has no
// worker while it waits and delays no other step.
func TestI7StepForNewerReplicaDelaysNothing(t *testing.T) {
	t.Parallel()
	one := followup.Step{Interval: "PT30M", TemplateName: "one", TemplateLanguage: "pt_BR"}
	two := followup.Step{Interval: "PT30M", TemplateName: "two", TemplateLanguage: "pt_BR"}
	for name, c := range map[string]struct {
		until time.Duration // until when the entry cannot be read
		sent  []string
		story string
	}{
		"for two minutes": {32 * minutes, []string{"30m1s two", "33m0s one"}, "1 template sent/template"},
		"for good":        {100 * hours, []string{"30m1s two"}, "1 template failed/transient"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				h.params.Workers, h.params.MaxSleep = 1, time.Second
				h.templates.newer = func(name string) bool { return name == "one" && time.Since(h.began) < c.until }
				run := h.arm(h.lead(true), one)
				h.pass(time.Second)
				h.arm(h.lead(true), two)
				h.start()
				h.until(2 * hours)
				h.wantSent(c.sent...)
				h.wantTimeline(run, c.story, "ended completed")
			})
		})
	}
}

// A step that waited for pacing before is left for the newer replica as well.
func TestI7PacedStepLeftForNewerReplica(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.fullUntil(31 * minutes)
		h.templates.newer = func(string) bool { return true }
		run := h.armAndStart(followup.Step{Interval: "PT30M", TemplateName: "one", TemplateLanguage: "pt_BR"})
		h.until(31*minutes + fullFor)
		h.wantTimeline(run, "armed")
		h.equal(h.run(run).Tries, 1, "tries")
	})
}
