package runner_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// panicsOnce returns a hook that panics the first time only. (once would panic every time.)
func panicsOnce() hook {
	var first sync.Once
	return func() { first.Do(func() { panic("hello 5599000000001") }) }
}

// A step that panics is tried again later if nothing can have been sent; otherwise it is uncertain,
// as after a crash. It affects no other step. The log has the stack, but not the panic's text.
func TestI9PanicCostsOwnStepOnly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at    func(h *harness) *hook
		first string
		sent  []string
	}{
		"before the guard": {
			func(h *harness) *hook { return &h.writer.writing }, "1 ai sent/ai",
			[]string{"30m20s ai", "31m0s ai"},
		},
		"after the guard": {
			func(h *harness) *hook { return &h.sender.fenced }, "1 ai uncertain/crash",
			[]string{"30m20s ai"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				log := h.recordLog()
				h.params.Workers = 1
				*c.at(h) = panicsOnce()
				bad := h.arm(h.lead(true), sample[0])
				h.pass(20 * time.Second)
				good := h.arm(h.lead(true), sample[0])
				h.start()
				h.until(hours)
				h.wantSent(c.sent...)
				h.wantTimeline(bad, c.first, "ended completed")
				h.wantTimeline(good, "1 ai sent/ai", "ended completed")
				h.equal(log.messages, []string{"step panicked"}, "warnings and errors logged")
				h.equal(strings.Contains(log.all.String(), "panic_test.go"), true, "the log has the stack")
				h.equal(strings.Contains(log.all.String(), "5599"), false, "the log has the panic's text")
			})
		})
	}
}

// A step that panics every time before anything can have been sent is put off as often as
// one that the provider refuses. Then it fails, and the ladder goes on. It delays no other
// step, and is logged once per try.
func TestI7StepThatAlwaysPanicsFails(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]func(h *harness) *hook{
		"reading its ladder": func(h *harness) *hook { return &h.store.reading },
		"being decided":      func(h *harness) *hook { return &h.templates.asked },
		"being written":      func(h *harness) *hook { return &h.writer.writing },
		"being rendered":     func(h *harness) *hook { return &h.sender.rendered },
		"asking for leave":   func(h *harness) *hook { return &h.sender.fencing },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				log := h.recordLog()
				h.params.Workers = 1
				steps := []followup.Step{
					{Interval: "PT30M", Prompt: "ask", TemplateName: "ask", TemplateLanguage: "pt_BR"},
					{Interval: "PT30M", TemplateName: "again", TemplateLanguage: "pt_BR"},
				}
				panics := timeLog{h: h}
				*at(h) = func() {
					if time.Since(h.began) < 70*minutes {
						panics.record()
						panic("hello 5599000000001")
					}
				}
				bad := h.armAndStart(steps...)
				h.until(6 * hours)
				var want []time.Duration
				for _, m := range []time.Duration{30, 31, 33, 37, 45, 61} {
					want = append(want, m*minutes)
				}
				h.equal(panics.all(), want, "panics")
				h.equal(len(log.messages), len(want), "warnings and errors logged")
				story := []string{"1 none failed/unknown", "2 template sent/template", "ended completed"}
				if name == "reading its ladder" { // without its ladder, nobody knows the next step
					story = []string{"1 none failed/unknown", "ended completed"}
				}
				h.wantTimeline(bad, story...)
			})
		})
	}
}

// If a later guard call fails, nothing can have been sent since: a panic
// after it puts the step off.
func TestI7PanicAfterFailedGuardIsPutOff(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.sender.answers(&providers.Error{Kind: providers.Throttled, Code: 130429, Status: 429, Retryable: true})
		h.sender.retrying = once(func() {
			h.store.guards.set(1)
			h.sender.rendered = panicsOnce()
		})
		run := h.armAndStart(sample[0])
		h.until(2 * hours)
		h.equal(len(h.sender.log()), 2, "provider calls")
		h.wantTimeline(run, "1 ai sent/ai", "ended completed")
	})
}

// A step that may have been sent is never recorded as failed, although recording the crash
// panics and no tries are left.
func TestI7PanicRecordingCrashLeavesUncertain(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.MaxTries = 1
		h.writer.writing = panicsOnce()
		h.sender.fenced = once(func() { h.store.finishing = panicsOnce() })
		h.sender.answered = panicsOnce()
		run := h.armAndStart(sample[0])
		h.until(2 * hours)
		h.equal(len(h.sender.log()), 1, "provider calls")
		h.wantTimeline(run, "1 ai uncertain/crash", "ended completed")
	})
}

// A panic while a lease is renewed costs nothing but that renewal.
func TestI9PanicRenewingLeaseCostsNothing(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		log := h.recordLog()
		h.writer.took = 10 * minutes
		h.store.extending = panicsOnce()
		run := h.armAndStart(sample[0])
		h.until(2 * hours)
		h.wantSent("40m0s ai")
		h.wantTimeline(run, "1 ai sent/ai", "ended completed")
		h.equal(log.messages, []string{"lease renewal panicked"}, "warnings and errors logged")
		h.equal(strings.Contains(log.all.String(), "5599"), false, "the log has the panic's text")
	})
}

// A reply while a step that panicked waits for another try ends its run.
func TestI5ReplyEndsPanickedStep(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		lead := h.lead(true)
		h.writer.writing = panicsOnce()
		run := h.arm(lead, sample[0])
		h.start()
		h.until(30*minutes + time.Second)
		h.wantTimeline(run, "armed")
		h.reply(lead)
		h.until(2 * hours)
		h.wantSent()
		h.wantTimeline(run, "1 none cancelled/replied", "ended replied")
	})
}
