package outbound_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
	"wagate/followup/poll"
	"wagate/gateway/internal/outbound"
	"wagate/providers"
)

// TestPacingWaits: pacing spaces the calls, and a message that would wait too long is handed back
// as throttled.
func TestPacingWaits(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.params.Lines[0].PerSecond, h.params.Lines[0].Burst = 2, 1
		h.build()
		began := time.Now()
		for i := range 4 {
			_, err := h.service.Send(h.Context(), onMeta, hello, h.allowAll(followup.NewLeadID()))
			h.must(err, "Send")
			h.is(time.Since(began), time.Duration(i)*500*time.Millisecond, "time until sent")
		}
		h.store.wait = time.Minute
		calls := len(h.meta.calls())
		r, err := h.service.Send(h.Context(), onMeta, hello, h.allowAll(followup.NewLeadID()))
		h.must(err, "Send")
		h.is(*r.Err, providers.Error{Kind: providers.Throttled, Retryable: true, RetryAfter: time.Minute}, "result")
		h.is(r.Paced, true, "paced")
		h.is(len(h.meta.calls()), calls, "provider calls")
	})
}

// TestProviderFailureIsNotPaced: if the provider throttles a message and pacing then allows no
// retry, the result is the provider's failure and not marked as paced.
func TestProviderFailureIsNotPaced(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.meta.answers(&providers.Error{Kind: providers.Throttled, Status: 429, Retryable: true})
		h.meta.hook = func() { h.store.wait = time.Minute }
		r, err := h.service.Send(h.Context(), onMeta, hello, h.allowAll(followup.NewLeadID()))
		h.must(err, "Send")
		h.is(r.Err, &providers.Error{Kind: providers.Throttled, Retryable: true, RetryAfter: time.Minute}, "result")
		h.is(r.Paced, false, "paced")
		h.is(len(h.meta.calls()), 1, "provider calls")
	})
}

// TestFloodDoesNotBlockChannel: messages that are refused take no slots, so after a flood the
// channel is behind by at most MaxWait.
func TestFloodDoesNotBlockChannel(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.params.Lines[0].PerSecond, h.params.Lines[0].Burst, h.params.MaxWait = 1, 1, 5*time.Second
		h.build()
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() { _, _ = h.service.Send(h.Context(), onMeta, hello, h.allowAll(followup.NewLeadID())) })
		}
		wg.Wait()
		h.is(len(h.meta.calls()), 6, "messages of the flood sent")
		time.Sleep(time.Second)
		began := time.Now()
		r, err := h.service.Send(h.Context(), onMeta, hello, h.allowAll(followup.NewLeadID()))
		h.must(err, "Send")
		h.is(r.Err, (*providers.Error)(nil), "result after the flood")
		h.is(time.Since(began), time.Duration(0), "wait after the flood")
	})
}

// TestStepIsTurnedAwaySooner: a step waits at most a third as long for pacing as an assistant's
// message does.
func TestStepIsTurnedAwaySooner(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sender func(s *outbound.Service) followup.Sender
		most   time.Duration
	}{
		"a message": {func(s *outbound.Service) followup.Sender { return s }, 15 * time.Second},
		"a step":    {(*outbound.Service).ForSteps, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				for wait, paced := range map[time.Duration]bool{c.most: false, c.most + time.Millisecond: true} {
					h.store.wait = wait
					r, err := c.sender(h.service).Send(h.Context(), onMeta, hello, h.allowAll(followup.NewLeadID()))
					h.must(err, "Send")
					h.is(r.Paced, paced, "turned away when the channel is behind by "+wait.String())
				}
			})
		})
	}
}

// TestStepsLeaveRoomForAssistants: however many steps wait for pacing, an assistant's message finds
// room behind them.
func TestStepsLeaveRoomForAssistants(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.params.Lines[0].PerSecond, h.params.Lines[0].Burst = 1, 1
		h.build()
		ctx, stop := context.WithCancel(h.Context())
		var sent atomic.Int64
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				for ctx.Err() == nil {
					r, err := h.service.ForSteps().Send(ctx, onMeta, hello, h.allowAll(followup.NewLeadID()))
					switch {
					case err != nil: // the test is over
					case r.Paced:
						_ = poll.Sleep(ctx, r.Err.RetryAfter/2)
					default:
						sent.Add(1)
					}
				}
			})
		}
		for range 10 {
			time.Sleep(10 * time.Second)
			synctest.Wait()
			r, err := h.service.Send(ctx, onMeta, hello, h.allowAll(followup.NewLeadID()))
			h.must(err, "Send")
			h.is(r.Err, (*providers.Error)(nil), "result of an assistant's message")
		}
		stop()
		wg.Wait()
		if n := sent.Load(); n < 100 {
			h.Errorf("steps sent: got %d, want at least 100, as the channel has room for about 140", n)
		}
	})
}
