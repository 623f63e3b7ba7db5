package runner_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// A template that stood in for an earlier step when the worker died is not
// sent again as its own step.
func TestI6StandInNotSentAgainAfterCrash(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		run := h.arm(h.lead(false), // never wrote: the window is closed
			followup.Step{Interval: "PT30M", Prompt: "x"},
			followup.Step{Interval: "P1D", TemplateName: "come_back", TemplateLanguage: "pt_BR"})
		h.until(30 * minutes)
		b, err := h.store.Store.Claim(h.Context(), followup.ClaimParams{Now: time.Now(), Real: time.Now(), Limit: 1, Lease: 3 * minutes})
		h.must(err, "Claim")
		_, err = h.store.Store.GuardStep(h.Context(), followup.GuardStep{
			Run: b.Steps[0].Run.ID, Token: b.Steps[0].Token, Kind: followup.KindTemplate, UsedStep: 1,
			Now: time.Now(), Real: time.Now(), Lease: minutes,
		})
		h.must(err, "GuardStep")
		// The provider has the message; the process dies here.
		h.start()
		h.until(72 * hours)
		h.equal(len(h.sender.log()), 0, "sent again")
		h.wantTimeline(run, "1 template uncertain/crash", "ended completed")
	})
}

// If the provider says that the window is closed, that is remembered while the template that is
// sent instead is put off: no text is written for that window again.
func TestI4ClosedWindowRememberedWhilePutOff(t *testing.T) {
	t.Parallel()
	slowDown := &providers.Error{Kind: providers.Throttled, Status: 429, Code: 130429, Retryable: true}
	play(t, func(h *harness) {
		h.sender.answers(windowClosed, slowDown, slowDown)
		h.armAndStart(followup.Step{Interval: "PT30M", Prompt: "x", TemplateName: "own", TemplateLanguage: "pt_BR"})
		h.until(2 * hours)
		var got []string
		for _, c := range h.sender.log() {
			got = append(got, c.what)
		}
		h.equal(got, []string{"ai", "own", "own", "own"}, "provider calls")
	})
}

// A step whose ladder is gone fails, and its run ends.
func TestI7StepWithoutLadderEnds(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		run := h.arm(h.lead(true), followup.Step{Interval: "PT30M", Prompt: "x"})
		h.store.gone = true
		log := h.recordLog()
		h.start()
		h.until(hours)
		h.wantTimeline(run, "1 none failed/unknown", "ended completed")
		h.equal(log.messages, []string{"ladder of a due step is gone, its run ends"}, "warnings and errors logged")
		h.equal(h.store.reads.Load(), int32(1), "ladder reads")
	})
}

// A tenant whose provider hangs takes no more than its share of the workers. Other
// tenants' steps are sent in time.
func TestI9HangingProviderDelaysOwnTenantOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t) // not play: checkCounter knows one tenant only
		h.params.Workers, h.params.PerTenant = 4, 2
		h.sender.took = 40 * time.Second
		for range 8 {
			h.arm(h.lead(true), followup.Step{Interval: "PT30M", Prompt: "x"})
		}
		next := h.armOtherTenant(30*minutes + 10*time.Second)
		h.start()
		h.until(30*minutes + 5*time.Second)
		h.runner.Wake() // claims again while two steps of the tenant are in hand
		h.until(30*minutes + 11*time.Second)
		h.equal(next().State, followup.RunSending, "state of the other tenant's run a second after its step was due")
		h.until(hours)
		h.equal(len(h.sender.log()), 9, "messages sent in the end")
		h.stop()
	})
}

// The runner is alive although a hanging provider takes every worker.
func TestI9AliveWithoutFreeWorker(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.Workers, h.params.PerTenant = 2, 2
		h.sender.took = minutes
		for range 4 {
			h.arm(h.lead(true), followup.Step{Interval: "PT30M", Prompt: "x"})
		}
		h.start()
		h.until(30*minutes + 40*time.Second)
		h.equal(h.runner.Alive(15*time.Second), true, "alive while all workers wait")
		h.until(hours)
		h.equal(len(h.sender.log()), 4, "messages sent in the end")
	})
}

// slowModel is a model that writes as many texts at once as it has slots, each in the same time.
type slowModel struct {
	slots   chan struct{}
	took    time.Duration
	answers chan struct{}
}

func (g *slowModel) Write(ctx context.Context, _ followup.Brief) (string, error) {
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return "", followup.ErrAIUnavailable
	}
	defer func() { <-g.slots }()
	if !sleep(ctx, g.took) {
		return "", followup.ErrAIUnavailable
	}
	g.answers <- struct{}{}
	return "hello", nil
}

// A backlog in front of a slow model is worked off. Each claim lasts while its step waits for the
// model, so no text is written twice.
func TestI7SlowModelBacklogWorkedOff(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		const steps = 400
		g := &slowModel{slots: make(chan struct{}, 8), took: 15 * time.Second, answers: make(chan struct{}, 10*steps)}
		h.params.Writer = g
		for range steps {
			h.arm(h.lead(true), followup.Step{Interval: "PT30M", Prompt: "x"})
		}
		h.start()
		h.until(30*minutes + 15*minutes)
		h.equal(len(h.sender.log()), steps, "messages sent")
		h.equal(len(g.answers), steps, "texts asked for")
	})
}
