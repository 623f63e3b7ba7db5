package runner_test

import (
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// windowClosed is the provider's answer to a free-form message into a closed window.
var windowClosed = &providers.Error{Kind: providers.WindowClosed, Status: 400, Code: 131047}

// closing is a ladder whose first step is due 30 s before the window closes.
func closing(rest ...followup.Step) []followup.Step {
	return append([]followup.Step{{Interval: "PT23H59M30S", Prompt: "last call"}}, rest...)
}

// comeBack is a step that sends a template after a day.
var comeBack = followup.Step{Interval: "P1D", TemplateName: "come_back", TemplateLanguage: "pt_BR"}

// A window that closes while the model writes is closed at the guard, whatever was decided before.
func TestI4WindowClosesBetweenDecisionAndGuard(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		took  time.Duration
		steps []followup.Step
		sent  []string
		story []string
	}{
		"just in time": {
			29999 * time.Millisecond, closing(),
			[]string{"23h59m59.999s ai"},
			[]string{"1 ai sent/ai", "ended completed"},
		},
		"at its very end": {
			30 * time.Second, closing(), nil,
			[]string{"1 ai skipped/window_closed_no_template", "ended completed"},
		},
		"with the next template": {
			time.Minute, closing(comeBack),
			[]string{"24h0m30s come_back"},
			[]string{"1 template sent/template", "ended completed"},
		},
		"with its own template": {
			time.Minute,
			[]followup.Step{{Interval: "PT23H59M30S", Prompt: "last call", TemplateName: "own", TemplateLanguage: "pt_BR"}, comeBack},
			[]string{"24h0m30s own", "48h0m30s come_back"},
			[]string{"1 template sent/template", "2 template sent/template", "ended completed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				h.writer.took = c.took
				run := h.armAndStart(c.steps...)
				h.until(49 * hours)
				h.wantSent(c.sent...)
				h.wantTimeline(run, c.story...)
				h.equal(h.writer.asked(), 1, "requests to the model")
			})
		})
	}
}

// If the provider says that the window is closed, a template is sent in the text's place, our
// window is closed, and the next step finds it closed.
func TestI4ProviderSaysWindowClosed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		steps []followup.Step
		sent  []string
		story []string
	}{
		"next step's template": {
			[]followup.Step{sample[0], comeBack},
			[]string{"30m0s come_back"},
			[]string{"1 template sent/template", "ended completed"},
		},
		"its own template": {
			[]followup.Step{{Interval: "PT30M", Prompt: "one", TemplateName: "own", TemplateLanguage: "pt_BR"}, sample[1]},
			[]string{"30m0s own"},
			[]string{"1 template sent/template", "2 ai skipped/window_closed_no_template", "ended completed"},
		},
		"no template": {
			[]followup.Step{sample[0], sample[1]},
			nil,
			[]string{"1 ai failed/window_closed", "2 ai skipped/window_closed_no_template", "ended completed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				h.sender.answers(windowClosed)
				run := h.armAndStart(c.steps...)
				h.until(4 * hours)
				h.wantSent(c.sent...)
				h.wantTimeline(run, c.story...)
				h.equal(h.windowOpen(), false, "window is open")
			})
		})
	}
}

// windowOpen reports whether the window of the first lead is open.
func (h *harness) windowOpen() bool {
	h.Helper()
	l, err := h.store.Lead(h.Context(), h.tenant, h.leads[0])
	h.must(err, "Lead")
	return l.WindowOpen(h.channel, time.Now())
}

// A template that the provider refuses because the window is closed closes the window and fails:
// nothing can be sent in its place.
func TestI4TemplateRefusedForWindowFails(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.sender.answers(windowClosed)
		run := h.armAndStart(followup.Step{Interval: "PT30M", TemplateName: "own", TemplateLanguage: "pt_BR"})
		h.until(hours)
		h.wantSent()
		h.wantTimeline(run, "1 template failed/window_closed", "ended completed")
		h.equal(h.windowOpen(), false, "window is open")
	})
}

// The window stays open if the lead wrote after the message that was refused.
func TestI4NewerMessageKeepsWindowOpen(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.sender.answers(windowClosed)
		h.sender.took = time.Second
		h.sender.fenced = once(func() {
			time.Sleep(100 * time.Millisecond)
			h.settle(h.leads[0], followup.Item{Opens: true})
		})
		run := h.armAndStart(sample[0])
		h.until(hours)
		h.wantTimeline(run, "1 ai failed/window_closed", "ended completed")
		h.equal(h.windowOpen(), true, "window is open")
	})
}

// The window is closed as the provider said, although an operator's pause then stops the template.
func TestI4PauseKeepsWindowClosed(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.sender.answers(windowClosed)
		h.sender.answered = once(func() { h.pauseSending(true) })
		run := h.armAndStart(sample[0], comeBack)
		h.until(hours)
		h.wantTimeline(run, "1 none skipped/paused", "armed")
		h.equal(h.windowOpen(), false, "window is open")
	})
}
