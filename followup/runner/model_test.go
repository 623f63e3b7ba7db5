package runner_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
)

// silentModel is a model that never answers.
type silentModel struct{ asked atomic.Int32 }

func (m *silentModel) Write(ctx context.Context, _ followup.Brief) (string, error) {
	m.asked.Add(1)
	<-ctx.Done()
	return "", followup.ErrAIUnavailable
}

// If the model hangs, and more steps need it than there are workers, steps that need no model are
// sent in time, of the same tenant and of others.
func TestI9HangingModelStopsNoTemplates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.params.Writer = &silentModel{}
		h.params.Workers, h.params.PerTenant = 4, 2
		for range 6 {
			h.arm(h.lead(true), followup.Step{Interval: "PT30M", Prompt: "x"})
		}
		h.pass(10 * time.Second)
		template := h.arm(h.lead(true), followup.Step{Interval: "PT30M", TemplateName: "t", TemplateLanguage: "pt_BR"})
		next := h.armOtherTenant(30 * minutes)
		h.start()
		h.pass(30*minutes + time.Second)
		h.wantTimeline(template, "1 template sent/template", "ended completed")
		h.equal(next().Reason, followup.CompletedEnded, "the other tenant's run a second after its step was due")
		h.abandon()
	})
}

// The number of steps that wait for the model is bounded, in all and per tenant.
// Further steps are not claimed.
func TestStepsWaitingForModelBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ writing, perTenant, want int }{
		"all that may wait, and the workers": {6, 4, 6 + 4},
		"a tenant's share":                   {8, 2, 4 + 2},
		"the default":                        {0, 1, 4 + 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				m := &silentModel{}
				h.params.Writer = m
				h.params.Workers, h.params.PerTenant, h.params.Writing = 4, c.perTenant, c.writing
				for range 20 {
					h.arm(h.lead(true), followup.Step{Interval: "PT30M", Prompt: "x"})
				}
				h.start()
				h.until(31 * minutes)
				h.equal(int(m.asked.Load()), c.want, "texts asked for")
				h.abandon()
			})
		})
	}
}
