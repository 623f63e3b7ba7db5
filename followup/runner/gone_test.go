package runner_test

import (
	"testing"

	"wagate/followup"
)

// A step of a channel that the operator's file no longer lists cannot be sent: nobody pays
// for its text. When the channel is back, the ladder's next step is sent.
func TestAStepOfAChannelThatLeftCostsNoText(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		whole := h.params.Directory
		h.params.Directory = followup.NewDirectory([]followup.Tenant{{
			ID: h.tenant, Assistants: []followup.Assistant{{ID: h.assistant}},
		}})
		run := h.begin(seed[0], seed[1])
		h.until(hours)
		h.is(h.writer.asked(), 0, "texts")
		h.tells(run, "1 ai failed/operator", "armed")
		h.stop()
		h.params.Directory = whole
		h.restart()
		h.until(3 * hours)
		h.is(h.writer.asked(), 1, "texts when the channel is back")
		h.tells(run, "1 ai failed/operator", "2 ai sent/ai", "ended completed")
	})
}
