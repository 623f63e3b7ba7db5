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

// spyStore is a store that keeps the claims, guard calls and results it gets. It can change a
// claimed step before the runner sees it, refuse at the guard, and answer a result as stale.
type spyStore struct {
	*store
	mu     *sync.Mutex
	show   func(*followup.Claimed)
	refuse followup.Refusal
	claims []followup.ClaimParams
	asked  []followup.GuardStep
	done   []followup.FinishStep
	gone   bool // FinishStep returns ErrStale
}

func (a *spyStore) Claim(ctx context.Context, c followup.ClaimParams) (followup.Batch, error) {
	a.mu.Lock()
	a.claims = append(a.claims, c)
	a.mu.Unlock()
	b, err := a.store.Claim(ctx, c)
	for i := range b.Steps {
		if a.show != nil {
			a.show(&b.Steps[i])
		}
	}
	return b, err
}

func (a *spyStore) GuardStep(ctx context.Context, g followup.GuardStep) (followup.Verdict, error) {
	a.mu.Lock()
	a.asked = append(a.asked, g)
	a.mu.Unlock()
	if a.refuse != followup.Allowed {
		return followup.Verdict{Refusal: a.refuse}, nil
	}
	return a.store.GuardStep(ctx, g)
}

func (a *spyStore) FinishStep(ctx context.Context, f followup.FinishStep) (followup.Finished, error) {
	a.mu.Lock()
	a.done = append(a.done, f)
	a.mu.Unlock()
	if a.gone {
		return followup.Finished{}, followup.ErrStale
	}
	return a.store.FinishStep(ctx, f)
}

// spyOnStore puts a spyStore between the runner and the store, and returns it.
func (h *harness) spyOnStore() *spyStore {
	a := &spyStore{store: h.store, mu: &h.mu}
	h.params.Store = a
	return a
}

// An opt-out that only the guard or only the claim knows of ends the run without a send; a pause
// skips the step. If the claim knows, no text is written.
func TestI5ClaimOrGuardStopsSend(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		show   func(*followup.Claimed)
		refuse followup.Refusal
		asked  int // requests to the model
		end    followup.Reason
		story  []string
	}{
		"claim knows of an opt-out": {
			func(c *followup.Claimed) { c.Lead.OptedOut = true }, "", 0, followup.OptedOut,
			[]string{"1 none cancelled/opted_out", "ended opted_out"},
		},
		"guard knows of an opt-out": {
			nil, followup.RefusedOptedOut, 1, followup.OptedOut,
			[]string{"1 none cancelled/opted_out", "ended opted_out"},
		},
		"claim knows of a pause": {
			func(c *followup.Claimed) { c.Paused = true }, "", 0, "",
			[]string{"1 none skipped/paused", "ended completed"},
		},
		"guard knows of a pause": {
			nil, followup.RefusedPaused, 1, "",
			[]string{"1 none skipped/paused", "ended completed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				a := h.spyOnStore()
				a.show, a.refuse = c.show, c.refuse
				run := h.armAndStart(sample[0])
				h.until(hours)
				h.wantSent()
				h.equal(h.writer.asked(), c.asked, "requests to the model")
				h.equal(len(a.done), 1, "results recorded")
				h.equal(a.done[0].EndReason, c.end, "end reason of the result")
				h.wantTimeline(run, c.story...)
			})
		})
	}
}

// A step that is decided in the same way again and again, because the guard never accepts
// it, fails after a few rounds.
func TestI7UndecidableStepEnds(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		a := h.spyOnStore()
		a.refuse = followup.RefusedWindow // of a template
		log := h.recordLog()
		run := h.armAndStart(comeBack)
		h.until(25 * hours)
		h.wantTimeline(run, "1 none failed/unknown", "ended completed")
		h.equal(len(a.asked) < 10, true, "fewer than 10 guard calls")
		h.equal(log.messages, []string{"step could not be decided"}, "warnings and errors logged")
	})
}

// If the guard says that the step belongs to another, the runner does nothing more about it.
func TestI6StepOfAnotherLeftAlone(t *testing.T) {
	t.Parallel()
	for _, no := range []followup.Refusal{followup.RefusedStale, followup.RefusedLeadMoved} {
		t.Run(string(no), func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				a := h.spyOnStore()
				a.refuse = no
				run := h.armAndStart(sample[0])
				h.until(31 * minutes)
				h.wantTimeline(run, "claimed")
				h.equal(len(a.asked), 1, "guard calls")
				h.equal(len(a.done), 0, "results recorded")
				h.wantLostClaims(1)
			})
		})
	}
}

// The guard is told that a text needs the window, and that a template is marketing unless
// the registry says otherwise.
func TestI4GuardRequestDescribesMessage(t *testing.T) {
	t.Parallel()
	template := followup.Step{Interval: "PT30M", TemplateName: "come_back", TemplateLanguage: "es_MX"}
	for name, c := range map[string]struct {
		step            followup.Step
		info            *providers.TemplateInfo
		free, marketing bool
	}{
		"a text":                        {sample[0], nil, true, false},
		"an unknown template":           {template, nil, false, true},
		"a template without a category": {template, &providers.TemplateInfo{Status: "APPROVED"}, false, true},
		"a marketing template":          {template, &providers.TemplateInfo{Status: "APPROVED", Category: "MARKETING"}, false, true},
		"a utility template":            {template, &providers.TemplateInfo{Status: "APPROVED", Category: "UTILITY"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				a := h.spyOnStore()
				h.params.SendLease, h.params.ClaimLease = 40*time.Second, 5*time.Minute
				h.params.Templates = registry(func(name, language string) (providers.TemplateInfo, bool) {
					h.equal(name+" "+language, "come_back es_MX", "template looked up")
					if c.info == nil {
						return providers.TemplateInfo{}, false
					}
					return *c.info, true
				})
				bodies := &lastMessage{sender: h.sender}
				h.params.Sender = bodies
				h.armAndStart(c.step)
				h.until(hours)
				h.equal(len(a.asked), 1, "guard calls")
				if c.step.TemplateName != "" {
					h.equal(strings.Contains(string(bodies.last.Body["template"]), `"es_MX"`), true, "message has the step's language")
				}
				g := a.asked[0]
				h.equal([]bool{g.FreeForm, g.Marketing}, []bool{c.free, c.marketing}, "free-form, marketing")
				h.equal(g.Lease, 40*time.Second, "lease of the guard")
			})
		})
	}
}

// lastMessage is a sender that keeps the last message.
type lastMessage struct {
	*sender
	last providers.Message
}

func (k *lastMessage) Send(ctx context.Context, c followup.ChannelID, m providers.Message, g followup.Guard) (followup.SendResult, error) {
	k.last = m
	return k.sender.Send(ctx, c, m, g)
}

// A result that the store calls stale is not recorded again.
func TestI6StaleResultRecordedOnce(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		a := h.spyOnStore()
		a.gone = true
		h.armAndStart(sample[0])
		h.pass(30*minutes + 30*time.Second) // shorter than the lease of the send
		h.stop()
		h.equal(len(a.done), 1, "FinishStep calls")
	})
}

// A put-off is in real time, as the provider means it, whatever the speed of domain time.
func TestPutOffIsInRealTime(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.Speed = 60
		h.params.Now = func() time.Time { return h.began.Add(60 * time.Since(h.began)) }
		h.sender.tries = 1
		h.sender.answers(&providers.Error{Kind: providers.Throttled, Retryable: true, RetryAfter: 5 * minutes})
		run := h.armAndStart(sample[0])
		h.until(35 * time.Second) // more than half an hour of domain time
		h.equal(len(h.sender.log()), 1, "provider calls")
		due := h.run(run).DueAt
		want := h.began.Add(30*minutes + 60*5*minutes)
		if due.Sub(want).Abs() > 11*minutes {
			h.Errorf("due: got %v after the start, want about %v", due.Sub(h.began), want.Sub(h.began))
		}
	})
}

// registry is a template registry made of one function.
type registry func(name, language string) (providers.TemplateInfo, bool)

func (r registry) Template(_ context.Context, _ followup.ChannelID, name, language string) (providers.TemplateInfo, bool, error) {
	info, ok := r(name, language)
	return info, ok, nil
}

// MaxLateness is the bound that the operator sets.
func TestMaxLatenessIsTheOperators(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.MaxLateness = time.Hour
		run := h.arm(h.lead(true), sample[0])
		h.until(30*minutes + time.Hour)
		h.start()
		h.pass(time.Minute)
		h.wantSent()
		h.wantTimeline(run, "1 none skipped/too_late", "ended completed")
	})
}
