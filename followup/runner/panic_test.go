package runner_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// panicsOnce is a hook that panics the first time; once would go on panicking.
func panicsOnce() hook {
	var first sync.Once
	return func() { first.Do(func() { panic("hello 5599000000001") }) }
}

// A step that panics is sent later if nothing can have been sent, else it is like
// one whose worker died: uncertain. No other step is the worse for it, and the log
// says where it was, not what it was about.
func TestI9APanicCostsItsOwnStepOnly(t *testing.T) {
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
				log := h.complaints()
				h.params.Workers = 1
				*c.at(h) = panicsOnce()
				bad := h.arm(h.lead(true), seed[0])
				h.pass(20 * time.Second)
				good := h.arm(h.lead(true), seed[0])
				h.start()
				h.until(hours)
				h.sent(c.sent...)
				h.tells(bad, c.first, "ended completed")
				h.tells(good, "1 ai sent/ai", "ended completed")
				h.is(log.said, []string{"step panicked"}, "complaints")
				h.is(strings.Contains(log.all.String(), "panic_test.go"), true, "the stack is in the log")
				h.is(strings.Contains(log.all.String(), "5599"), false, "what it was about is in the log")
			})
		})
	}
}

// A step that panics every time before anything can have been sent is put off as
// often as one that the provider would not take, then it has failed, and the ladder
// goes on. It is in nobody's way meanwhile, nor in the log more often than tried.
func TestI7AStepThatPanicsEveryTimeFailsOnce(t *testing.T) {
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
				log := h.complaints()
				h.params.Workers = 1
				steps := []followup.Step{
					{Interval: "PT30M", Prompt: "ask", TemplateName: "ask", TemplateLanguage: "pt_BR"},
					{Interval: "PT30M", TemplateName: "again", TemplateLanguage: "pt_BR"},
				}
				panics := times{h: h}
				*at(h) = func() {
					if time.Since(h.began) < 70*minutes {
						panics.happened()
						panic("hello 5599000000001")
					}
				}
				bad := h.begin(steps...)
				h.until(6 * hours)
				var want []time.Duration
				for _, m := range []time.Duration{30, 31, 33, 37, 45, 61} {
					want = append(want, m*minutes)
				}
				h.is(panics.all(), want, "panics")
				h.is(len(log.said), len(want), "complaints")
				story := []string{"1 none failed/unknown", "2 template sent/template", "ended completed"}
				if name == "reading its ladder" { // nobody knows what comes next
					story = []string{"1 none failed/unknown", "ended completed"}
				}
				h.tells(bad, story...)
			})
		})
	}
}

// A panic after the guard could not be asked again is one before anything can
// have been sent, whatever it said before.
func TestI7APanicAfterTheGuardsLastWordIsPutOff(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.sender.answers(&providers.Error{Kind: providers.Throttled, Code: 130429, Status: 429, Retryable: true})
		h.sender.retrying = once(func() {
			h.store.guards.set(1)
			h.sender.rendered = panicsOnce()
		})
		run := h.begin(seed[0])
		h.until(2 * hours)
		h.is(len(h.sender.log()), 2, "provider calls")
		h.tells(run, "1 ai sent/ai", "ended completed")
	})
}

// What may have been sent is never recorded as failed, though recording the crash
// panics and the step was put off as often as it may.
func TestI7APanicOfTheCrashsRecordLeavesItUncertain(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.MaxTries = 1
		h.writer.writing = panicsOnce()
		h.sender.fenced = once(func() { h.store.finishing = panicsOnce() })
		h.sender.answered = panicsOnce()
		run := h.begin(seed[0])
		h.until(2 * hours)
		h.is(len(h.sender.log()), 1, "provider calls")
		h.tells(run, "1 ai uncertain/crash", "ended completed")
	})
}

// A lease that panics while it is kept costs nothing but that one time.
func TestI9APanicOfTheLeaseCostsNothing(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		log := h.complaints()
		h.writer.took = 10 * minutes
		h.store.extending = panicsOnce()
		run := h.begin(seed[0])
		h.until(2 * hours)
		h.sent("40m0s ai")
		h.tells(run, "1 ai sent/ai", "ended completed")
		h.is(log.said, []string{"lease renewal panicked"}, "complaints")
		h.is(strings.Contains(log.all.String(), "5599"), false, "what it was about is in the log")
	})
}

// A reply while a step that panicked waits to be tried again ends its run.
func TestI5AReplyEndsAStepThatPanicked(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		lead := h.lead(true)
		h.writer.writing = panicsOnce()
		run := h.arm(lead, seed[0])
		h.start()
		h.until(30*minutes + time.Second)
		h.tells(run, "armed")
		h.reply(lead)
		h.until(2 * hours)
		h.sent()
		h.tells(run, "1 none cancelled/replied", "ended replied")
	})
}
