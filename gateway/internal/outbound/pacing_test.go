package outbound_test

import (
	"sync"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// Pacing spaces the calls, and what would wait too long is handed back.
func TestPacingWaits(t *testing.T) {
	t.Parallel()
	in(t, func(h *harness) {
		h.params.Lines[0].PerSecond, h.params.Lines[0].Burst = 2, 1
		h.build()
		began := time.Now()
		for i := range 4 {
			_, err := h.service.Send(h.Context(), onMeta, hello, h.leave(followup.NewLeadID()))
			h.must(err, "Send")
			h.is(time.Since(began), time.Duration(i)*500*time.Millisecond, "sent after")
		}
		h.store.wait = time.Minute
		calls := len(h.meta.calls())
		r, err := h.service.Send(h.Context(), onMeta, hello, h.leave(followup.NewLeadID()))
		h.must(err, "Send")
		h.is(*r.Err, providers.Error{Kind: providers.Throttled, Retryable: true, RetryAfter: time.Minute}, "result")
		h.is(r.Paced, true, "paced")
		h.is(len(h.meta.calls()), calls, "provider calls")
	})
}

// Who was asked and would not take it is the provider, though no retry is to be had of
// the pacing.
func TestAProvidersFailureIsNotOurPacing(t *testing.T) {
	t.Parallel()
	in(t, func(h *harness) {
		h.meta.answers(&providers.Error{Kind: providers.Throttled, Status: 429, Retryable: true})
		h.meta.hook = func() { h.store.wait = time.Minute }
		r, err := h.service.Send(h.Context(), onMeta, hello, h.leave(followup.NewLeadID()))
		h.must(err, "Send")
		h.is(r.Err, &providers.Error{Kind: providers.Throttled, Retryable: true, RetryAfter: time.Minute}, "result")
		h.is(r.Paced, false, "paced")
		h.is(len(h.meta.calls()), 1, "provider calls")
	})
}

// A flood that is refused does not put off what comes after it: the channel
// is behind by MaxWait at most.
func TestAFloodDoesNotLockTheChannel(t *testing.T) {
	t.Parallel()
	in(t, func(h *harness) {
		h.params.Lines[0].PerSecond, h.params.Lines[0].Burst, h.params.MaxWait = 1, 1, 5*time.Second
		h.build()
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() { _, _ = h.service.Send(h.Context(), onMeta, hello, h.leave(followup.NewLeadID())) })
		}
		wg.Wait()
		h.is(len(h.meta.calls()), 6, "sent of the flood")
		time.Sleep(time.Second)
		began := time.Now()
		r, err := h.service.Send(h.Context(), onMeta, hello, h.leave(followup.NewLeadID()))
		h.must(err, "Send")
		h.is(r.Err, (*providers.Error)(nil), "result after the flood")
		h.is(time.Since(began), time.Duration(0), "wait after the flood")
	})
}
