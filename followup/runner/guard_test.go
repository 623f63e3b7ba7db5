package runner_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// asking is a store that keeps what the guard was asked, may show a claimed
// step otherwise than it is, and may refuse.
type asking struct {
	*store
	looks  *sync.Mutex
	show   func(*followup.Claimed)
	refuse followup.Refusal
	claims []followup.ClaimParams
	asked  []followup.GuardStep
	done   []followup.FinishStep
	gone   bool // finishing finds the step gone
}

func (a *asking) Claim(ctx context.Context, c followup.ClaimParams) (followup.Batch, error) {
	a.looks.Lock()
	a.claims = append(a.claims, c)
	a.looks.Unlock()
	b, err := a.store.Claim(ctx, c)
	for i := range b.Steps {
		if a.show != nil {
			a.show(&b.Steps[i])
		}
	}
	return b, err
}

func (a *asking) GuardStep(ctx context.Context, g followup.GuardStep) (followup.Verdict, error) {
	a.looks.Lock()
	a.asked = append(a.asked, g)
	a.looks.Unlock()
	if a.refuse != followup.Allowed {
		return followup.Verdict{Refusal: a.refuse}, nil
	}
	return a.store.GuardStep(ctx, g)
}

func (a *asking) FinishStep(ctx context.Context, f followup.FinishStep) (followup.Finished, error) {
	a.looks.Lock()
	a.done = append(a.done, f)
	a.looks.Unlock()
	if a.gone {
		return followup.Finished{}, followup.ErrStale
	}
	return a.store.FinishStep(ctx, f)
}

func (h *harness) asking() *asking {
	a := &asking{store: h.store, looks: &h.looks}
	h.params.Store = a
	return a
}

// An opt-out that only the guard, or only the claim, has heard of ends the run
// without a send; so does a pause end the step, and no model is asked for
// what was known before.
func TestI5WhatOneOfThemKnowsIsEnough(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		show   func(*followup.Claimed)
		refuse followup.Refusal
		asked  int // requests to the model
		end    followup.Reason
		story  []string
	}{
		"the claim, of an opt-out": {
			func(c *followup.Claimed) { c.Lead.OptedOut = true }, "", 0, followup.OptedOut,
			[]string{"1 none cancelled/opted_out", "ended opted_out"},
		},
		"the guard, of an opt-out": {
			nil, followup.RefusedOptedOut, 1, followup.OptedOut,
			[]string{"1 none cancelled/opted_out", "ended opted_out"},
		},
		"the claim, of a pause": {
			func(c *followup.Claimed) { c.Paused = true }, "", 0, "",
			[]string{"1 none skipped/paused", "ended completed"},
		},
		"the guard, of a pause": {
			nil, followup.RefusedPaused, 1, "",
			[]string{"1 none skipped/paused", "ended completed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				a := h.asking()
				a.show, a.refuse = c.show, c.refuse
				run := h.begin(seed[0])
				h.until(hours)
				h.sent()
				h.is(h.writer.asked(), c.asked, "requests to the model")
				h.is(len(a.done), 1, "results")
				h.is(a.done[0].EndReason, c.end, "end reason of the result")
				h.tells(run, c.story...)
			})
		})
	}
}

// A step that is decided for ever in the same way, as the guard never likes it,
// ends all the same.
func TestI7AStepThatCannotBeDecidedEnds(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		a := h.asking()
		a.refuse = followup.RefusedWindow // of a template
		log := h.complaints()
		run := h.begin(comeBack)
		h.until(25 * hours)
		h.tells(run, "1 none failed/unknown", "ended completed")
		h.is(len(a.asked) < 10, true, "few questions to the guard")
		h.is(log.said, []string{"step could not be decided"}, "complaints")
	})
}

// A guard that says that the step is not ours ends our part in it, and no more.
func TestI6AStepThatIsNotOursIsLeft(t *testing.T) {
	t.Parallel()
	for _, no := range []followup.Refusal{followup.RefusedStale, followup.RefusedLeadMoved} {
		t.Run(string(no), func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				a := h.asking()
				a.refuse = no
				run := h.begin(seed[0])
				h.until(31 * minutes)
				h.tells(run, "claimed")
				h.is(len(a.asked), 1, "questions to the guard")
				h.is(len(a.done), 0, "results")
				h.lost(1)
			})
		})
	}
}

// The guard is told of a template whether it is marketing, which it is unless
// the registry says otherwise, and of a text that it needs the window.
func TestI4TheGuardIsToldWhatIsToBeSent(t *testing.T) {
	t.Parallel()
	template := followup.Step{Interval: "PT30M", TemplateName: "come_back", TemplateLanguage: "es_MX"}
	for name, c := range map[string]struct {
		step            followup.Step
		info            *providers.TemplateInfo
		free, marketing bool
	}{
		"a text":              {seed[0], nil, true, false},
		"an unknown template": {template, nil, false, true},
		"one of no category":  {template, &providers.TemplateInfo{Status: "APPROVED"}, false, true},
		"one of marketing":    {template, &providers.TemplateInfo{Status: "APPROVED", Category: "MARKETING"}, false, true},
		"one of another":      {template, &providers.TemplateInfo{Status: "APPROVED", Category: "UTILITY"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				a := h.asking()
				h.params.SendLease, h.params.ClaimLease = 40*time.Second, 5*time.Minute
				h.params.Templates = registry(func(name, language string) (providers.TemplateInfo, bool) {
					h.is(name+" "+language, "come_back es_MX", "template asked for")
					if c.info == nil {
						return providers.TemplateInfo{}, false
					}
					return *c.info, true
				})
				bodies := &keeping{sender: h.sender}
				h.params.Sender = bodies
				h.begin(c.step)
				h.until(hours)
				h.is(len(a.asked), 1, "questions to the guard")
				if c.step.TemplateName != "" {
					h.is(strings.Contains(string(bodies.last.Body["template"]), `"es_MX"`), true, "the step's language in the message")
				}
				g := a.asked[0]
				h.is([]bool{g.FreeForm, g.Marketing}, []bool{c.free, c.marketing}, "free-form, marketing")
				h.is(g.Lease, 40*time.Second, "lease of the call")
			})
		})
	}
}

// keeping is a sender that keeps the last message.
type keeping struct {
	*sender
	last providers.Message
}

func (k *keeping) Send(ctx context.Context, c followup.ChannelID, m providers.Message, g followup.Guard) (followup.SendResult, error) {
	k.last = m
	return k.sender.Send(ctx, c, m, g)
}

// A step that is not ours any more is not asked about again and again.
func TestI6AStaleResultIsToldOnce(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		a := h.asking()
		a.gone = true
		h.begin(seed[0])
		h.pass(30*minutes + 30*time.Second) // shorter than the lease of the call
		h.stop()
		h.is(len(a.done), 1, "times the result was told")
	})
}

// A put-off is real time, as the provider means it, however fast domain time goes.
func TestAPutOffIsInRealTime(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.Speed = 60
		h.params.Now = func() time.Time { return h.began.Add(60 * time.Since(h.began)) }
		h.sender.tries = 1
		h.sender.answers(&providers.Error{Kind: providers.Throttled, Retryable: true, RetryAfter: 5 * minutes})
		run := h.begin(seed[0])
		h.until(35 * time.Second) // half an hour and more of domain time
		h.is(len(h.sender.log()), 1, "calls")
		due := h.run(run).DueAt
		want := h.began.Add(30*minutes + 60*5*minutes)
		if due.Sub(want).Abs() > 11*minutes {
			h.Errorf("due: got %v after the beginning, want about %v", due.Sub(h.began), want.Sub(h.began))
		}
	})
}

// registry is a template registry of one function.
type registry func(name, language string) (providers.TemplateInfo, bool)

func (r registry) Template(_ context.Context, _ followup.ChannelID, name, language string) (providers.TemplateInfo, bool, error) {
	info, ok := r(name, language)
	return info, ok, nil
}

// MaxLateness is the operator's, not ours.
func TestLatenessIsTheOperators(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.MaxLateness = time.Hour
		run := h.arm(h.lead(true), seed[0])
		h.until(30*minutes + time.Hour)
		h.start()
		h.pass(time.Minute)
		h.sent()
		h.tells(run, "1 none skipped/too_late", "ended completed")
	})
}
