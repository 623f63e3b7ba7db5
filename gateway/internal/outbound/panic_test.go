package outbound_test

import (
	"context"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// TestI7PanickingTrialDoesNotBlockChannel: a trial of the open breaker ends even if it panics and
// its worker recovers. Otherwise nothing would ever be sent on the channel again.
func TestI7PanickingTrialDoesNotBlockChannel(t *testing.T) {
	t.Parallel()
	boom := func() { panic("boom") }
	for name, panics := range map[string]func(h *harness) followup.Guard{
		"the guard panics": func(*harness) followup.Guard {
			return func(context.Context, followup.AttemptID) (followup.Verdict, error) {
				boom()
				return followup.Verdict{}, nil
			}
		},
		"the provider panics": func(h *harness) followup.Guard {
			h.meta.hook = boom
			return h.allowAll(followup.NewLeadID())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				h.params.Tries = 1
				h.build()
				send := func(g followup.Guard) followup.SendResult {
					r, err := h.service.Send(h.Context(), onMeta, hello, g)
					h.must(err, "Send")
					return r
				}
				for range 10 {
					h.meta.answers(lost)
					send(h.allowAll(followup.NewLeadID()))
				}
				time.Sleep(10*time.Second + time.Millisecond)
				func() {
					defer func() { h.is(recover(), "boom", "panic") }()
					send(panics(h))
				}()
				h.meta.hook = nil
				time.Sleep(10*time.Second + time.Millisecond)
				h.is(send(h.allowAll(followup.NewLeadID())).Err, (*providers.Error)(nil), "a later trial")
			})
		})
	}
}
