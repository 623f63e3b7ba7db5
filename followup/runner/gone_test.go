package runner_test

import (
	"testing"

	"wagate/followup"
)

// A step on a channel that the operator's file does not list cannot be sent, so no text is written
// for it. When the channel is back, the ladder's next step is sent.
func TestUnlistedChannelCostsNoText(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		whole := h.params.Directory
		h.params.Directory = followup.NewDirectory([]followup.Tenant{{
			ID: h.tenant, Assistants: []followup.Assistant{{ID: h.assistant}},
		}})
		log := h.recordLog()
		other := h.arm(h.lead(true), sample[0])
		run := h.armAndStart(sample[0], sample[1])
		h.until(hours)
		h.equal(h.writer.asked(), 0, "texts written")
		h.wantTimeline(run, "1 ai failed/operator", "armed")
		h.wantTimeline(other, "1 ai failed/operator", "ended completed")
		h.equal(log.messages, []string{"the operator file does not list the run's channel under its tenant, its steps fail"}, "warnings and errors logged within a minute")
		h.stop()
		h.params.Directory = whole
		h.restart()
		h.until(3 * hours)
		h.equal(h.writer.asked(), 1, "texts written when the channel is back")
		h.wantTimeline(run, "1 ai failed/operator", "2 ai sent/ai", "ended completed")
	})
}

// A channel that the operator's file gives to another tenant sends neither text nor template for
// the first tenant's runs: it would use the other tenant's account.
func TestI10ChannelOfAnotherTenantSendsNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		step followup.Step
		want string
	}{
		{sample[0], "1 ai failed/operator"},
		{sample[2], "1 template failed/operator"},
	} {
		play(t, func(h *harness) {
			other := followup.TenantID("other")
			h.params.Directory = followup.NewDirectory([]followup.Tenant{
				{ID: h.tenant, Assistants: []followup.Assistant{{ID: h.assistant}}},
				{ID: other, Channels: []followup.Channel{{ID: h.channel, Tenant: other}}},
			})
			run := h.armAndStart(c.step)
			h.until(30 * hours)
			h.wantTimeline(run, c.want, "ended completed")
			h.wantSent()
		})
	}
}
