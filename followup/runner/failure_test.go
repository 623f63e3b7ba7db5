package runner_test

import (
	"context"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// Each kind of provider error has its reason. The ladder goes on, unless the contact
// cannot or must not be reached.
func TestI7FailureKindSetsReason(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind  providers.ErrorKind
		story []string
	}{
		{providers.Throttled, []string{"1 template failed/throttled", "2 template sent/template", "ended completed"}},
		{providers.Transient, []string{"1 template failed/transient", "2 template sent/template", "ended completed"}},
		{providers.TemplateError, []string{"1 template failed/template_rejected", "2 template sent/template", "ended completed"}},
		{providers.Operator, []string{"1 template failed/operator", "2 template sent/template", "ended completed"}},
		{providers.Invalid, []string{"1 template failed/invalid", "2 template sent/template", "ended completed"}},
		{providers.Unknown, []string{"1 template failed/unknown", "2 template sent/template", "ended completed"}},
		{providers.Undeliverable, []string{"1 template failed/undeliverable", "ended undeliverable"}},
		{providers.OptedOut, []string{"1 template cancelled/opted_out", "ended opted_out"}},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				h.sender.answers(&providers.Error{Kind: c.kind, Status: 400, Code: 1})
				run := h.armAndStart(
					followup.Step{Interval: "PT30M", TemplateName: "one", TemplateLanguage: "pt_BR"},
					followup.Step{Interval: "PT30M", TemplateName: "two", TemplateLanguage: "pt_BR"})
				h.until(2 * hours)
				h.wantTimeline(run, c.story...)
				if c.kind == providers.OptedOut {
					l, err := h.store.Lead(h.Context(), h.tenant, h.leads[0])
					h.must(err, "Lead")
					h.equal(l.OptedOut, true, "opted out")
				}
			})
		})
	}
}

// A capped contact gets no message for a day, even if its next step is due sooner.
func TestCappedContactLeftAloneForADay(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.sender.answers(&providers.Error{Kind: providers.Capped, Code: 131049, Status: 400})
		run := h.armAndStart(
			followup.Step{Interval: "PT30M", TemplateName: "one", TemplateLanguage: "pt_BR"},
			followup.Step{Interval: "PT30M", TemplateName: "two", TemplateLanguage: "pt_BR"})
		h.until(26 * hours)
		h.wantSent("24h30m0s two")
		h.wantTimeline(run, "1 template failed/capped", "2 template sent/template", "ended completed")
	})
}

// A step that was not sent is tried again later: after the time that the provider asks for, within
// bounds. After the last try it fails, and the ladder goes on.
func TestI7UnsentStepPutOffWithinBounds(t *testing.T) {
	t.Parallel()
	throttled := func(after time.Duration) *providers.Error {
		return &providers.Error{Kind: providers.Throttled, Code: 130429, Status: 429, Retryable: true, RetryAfter: after}
	}
	for name, c := range map[string]struct {
		errs  []*providers.Error
		calls []string
		story []string
	}{
		"one throttling": {
			[]*providers.Error{throttled(10 * minutes)},
			[]string{"30m0s", "40m0s"},
			[]string{"1 ai sent/ai", "ended completed"},
		},
		"throttled without a time": {
			[]*providers.Error{throttled(0)},
			[]string{"30m0s", "31m0s"},
			[]string{"1 ai sent/ai", "ended completed"},
		},
		"throttled for a month": {
			[]*providers.Error{throttled(30 * 24 * hours)},
			[]string{"30m0s", "1h30m0s"},
			[]string{"1 ai sent/ai", "ended completed"},
		},
		"never accepted": {
			[]*providers.Error{notSent, notSent, notSent, notSent, notSent, notSent},
			[]string{"30m0s", "31m0s", "33m0s", "37m0s", "45m0s", "1h1m0s"},
			[]string{"1 ai failed/transient", "ended completed"},
		},
		"accepted at last": {
			[]*providers.Error{notSent, throttled(0), notSent, notSent, notSent},
			[]string{"30m0s", "31m0s", "33m0s", "37m0s", "45m0s", "1h1m0s"},
			[]string{"1 ai sent/ai", "ended completed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				h.sender.tries = 1
				h.sender.answers(c.errs...)
				run := h.armAndStart(sample[0])
				h.until(2 * hours)
				var calls []string
				for _, c := range h.sender.log() {
					calls = append(calls, c.at.Sub(h.began).String())
				}
				h.equal(calls, c.calls, "provider calls")
				h.wantTimeline(run, c.story...)
			})
		})
	}
}

// The tries of one step do not count against the next.
func TestEachStepHasItsOwnTries(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.sender.tries = 1
		h.params.MaxTries = 1
		h.sender.answers(notSent, notSent, notSent, nil)
		run := h.armAndStart(quick[0], quick[1])
		h.until(3 * hours)
		h.wantTimeline(run, "1 ai failed/transient", "2 ai sent/ai", "ended completed")
	})
}

// A rejected template is not in the history, and one that stood in for another step is
// still sent as its own step.
func TestI4RejectedStandInNotUsedUp(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.sender.answers(&providers.Error{Kind: providers.TemplateError, Status: 400})
		lead := h.lead(false)
		run := h.arm(lead, sample[0], comeBack)
		h.start()
		h.until(hours)
		history, err := h.store.History(h.Context(), lead, h.channel, time.Now())
		h.must(err, "History")
		h.equal(len(history), 0, "messages in the history")
		h.until(30 * hours)
		h.wantSent("24h30m0s come_back")
		h.wantTimeline(run, "1 template failed/template_rejected", "2 template sent/template", "ended completed")
	})
}

// A call without an answer may have been sent: the step is uncertain, uses up its template and is
// never sent again. What a receipt says later is recorded beside the outcome.
func TestI6NoAnswerNeverSentAgain(t *testing.T) {
	t.Parallel()
	lost := &providers.Error{Kind: providers.Transient, MaybeSent: true, Retryable: true}
	for name, c := range map[string]struct {
		state providers.StatusState
		first string
	}{
		"no receipt": {"", "1 template uncertain/no_answer"},
		"delivered":  {providers.StatusDelivered, "1 template uncertain/no_answer settled sent"},
		"failed":     {providers.StatusFailed, "1 template uncertain/no_answer settled failed"},
		"accepted":   {providers.StatusAccepted, "1 template uncertain/no_answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				h.sender.tries = 1
				h.sender.answers(lost)
				lead := h.lead(false)
				run := h.arm(lead, sample[0], comeBack)
				h.start()
				h.until(31 * minutes)
				calls := h.sender.log()
				if len(calls) != 1 {
					t.Fatalf("provider calls: got %d, want 1", len(calls))
				}
				if c.state != "" {
					h.settle(lead, followup.Item{Receipt: &followup.Receipt{Attempt: calls[0].attempt, State: c.state}})
				}
				h.until(30 * hours)
				h.equal(len(h.sender.log()), 1, "provider calls")
				h.wantTimeline(run, c.first, "ended completed")
				history, err := h.store.History(h.Context(), lead, h.channel, time.Now())
				h.must(err, "History")
				h.equal(len(history), 1, "messages in the history")
			})
		})
	}
}

// restingSender is a sender whose breaker is open after the first provider call.
type restingSender struct{ *sender }

func (s restingSender) Send(ctx context.Context, c followup.ChannelID, m providers.Message, guard followup.Guard) (followup.SendResult, error) {
	if len(s.log()) > 0 {
		return followup.SendResult{Err: notSent}, nil
	}
	return s.sender.Send(ctx, c, m, guard)
}

// A step that is known not to have been sent fails and is not uncertain, although its last try
// ended before the guard, and the guard call before that failed.
func TestI7UnsentStepIsNotUncertain(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		a := h.spyOnStore()
		a.show = func(c *followup.Claimed) { c.Run.Tries = 5 }
		h.params.Sender = restingSender{h.sender}
		h.sender.answers(notSent)
		h.sender.retrying = once(func() { h.store.guards.set(1) })
		run := h.armAndStart(sample[0])
		h.until(hours)
		h.equal(len(h.sender.log()), 1, "provider calls")
		h.wantTimeline(run, "1 ai failed/transient", "ended completed")
	})
}

// A model that fails ends the step, or makes it send its own template, each with its reason.
func TestI7ModelFailureSetsReason(t *testing.T) {
	t.Parallel()
	both := followup.Step{Interval: "PT30M", Prompt: "one", TemplateName: "own", TemplateLanguage: "pt_BR"}
	for name, c := range map[string]struct {
		err    error
		step   followup.Step
		paused bool
		story  []string
	}{
		"unavailable":                      {followup.ErrAIUnavailable, sample[0], false, []string{"1 ai failed/ai_unavailable", "2 ai sent/ai", "ended completed"}},
		"unusable":                         {followup.ErrAIUnusable, sample[0], false, []string{"1 ai failed/ai_unusable", "2 ai sent/ai", "ended completed"}},
		"something else":                   {context.DeadlineExceeded, sample[0], false, []string{"1 ai failed/ai_unavailable", "2 ai sent/ai", "ended completed"}},
		"unavailable, with a template":     {followup.ErrAIUnavailable, both, false, []string{"1 template sent/template", "2 ai sent/ai", "ended completed"}},
		"unusable, with a template":        {followup.ErrAIUnusable, both, false, []string{"1 template sent/template", "2 ai sent/ai", "ended completed"}},
		"unusable, with a paused template": {followup.ErrAIUnusable, both, true, []string{"1 ai failed/ai_unusable", "2 ai sent/ai", "ended completed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				if c.paused {
					h.templates.tell(providers.TemplateInfo{Name: "own", Status: "DISABLED"})
				}
				h.writer.errs = []error{c.err}
				run := h.armAndStart(c.step, quick[1])
				h.until(2 * hours)
				h.wantTimeline(run, c.story...)
			})
		})
	}
}

// A step whose text the model could not write does not take a later step's template.
func TestModelFailureUsesNoOtherStepsTemplate(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.writer.errs = []error{followup.ErrAIUnusable, followup.ErrAIUnusable}
		run := h.armAndStart(sample...)
		h.until(27 * hours)
		h.wantSent("26h30m0s come_back")
		h.wantTimeline(run, "1 ai failed/ai_unusable", "2 ai failed/ai_unusable", "3 template sent/template", "ended completed")
	})
}
