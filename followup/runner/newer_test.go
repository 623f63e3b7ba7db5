package runner_test

import (
	"testing"
	"time"

	"wagate/followup"
)

// A step whose template only a newer replica can read about is left for that one, and
// holds nobody up: it has no worker while it waits.
func TestI7StepForNewerReplicaDelaysNothing(t *testing.T) {
	t.Parallel()
	one := followup.Step{Interval: "PT30M", TemplateName: "one", TemplateLanguage: "pt_BR"}
	two := followup.Step{Interval: "PT30M", TemplateName: "two", TemplateLanguage: "pt_BR"}
	for name, c := range map[string]struct {
		until time.Duration // it cannot be read
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

// Nor does one that waited for pacing before.
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
