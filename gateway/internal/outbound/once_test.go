package outbound_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wagate/followup"
	"wagate/gateway/internal/outbound"
	"wagate/providers"
)

// TestI6SameKeyIsSentOnce: requests with the same key get the same answer and cause one provider
// call, for as long as the key is remembered.
func TestI6SameKeyIsSentOnce(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		first := h.post(number, text(phone), "k")
		h.is(first.Status, 200, "status")
		time.Sleep(time.Hour)
		h.is(h.post(number, text(phone), "k"), first, "repeated")
		h.is(len(h.meta.calls()), 1, "provider calls")
		h.is(h.post(number, text(phone), "k2").Status, 200, "another key")
		h.is(h.post(number, text(phone), "").Status, 200, "no key")
		h.is(len(h.meta.calls()), 3, "provider calls")
		time.Sleep(followup.KeyAge)
		h.is(graphError(h.post(number, text(phone), "k"))[:10], "400 131047", "the same key once it is forgotten, with the window closed")
	})
}

// TestI6ConcurrentRequestsAreSentOnce: fifty concurrent requests with one key get the same answer
// and cause one provider call.
func TestI6ConcurrentRequestsAreSentOnce(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.meta.took = 300 * time.Millisecond
		answers := make([]outbound.Answer, 50)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() { answers[i] = h.post(number, text(phone), "k") })
		}
		wg.Wait()
		for i, a := range answers {
			h.is(a, answers[0], "answer")
			if a.Status != 200 {
				t.Fatalf("answer %d: got %d %s, want 200", i, a.Status, a.Body)
			}
		}
		h.is(len(h.meta.calls()), 1, "provider calls")
	})
}

// TestI6BusyKeyIs409: a request that waits too long for the result of another with the same key is
// answered with 409. It is not sent.
func TestI6BusyKeyIs409(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.meta.took = 15 * time.Second
		var wg sync.WaitGroup
		wg.Go(func() { h.is(h.post(number, text(phone), "k").Status, 200, "the first") })
		time.Sleep(time.Second)
		a := h.post(number, text(phone), "k")
		h.is(graphError(a), "409 131016 a request with this Idempotency-Key is under way, or its result is not known", "the second")
		h.is(a.RetryAfter, time.Second, "Retry-After")
		wg.Wait()
		h.is(len(h.meta.calls()), 1, "provider calls")
	})
}

// TestDifferentRequestWithSameKeyIs422: another body or another number under a used key is refused.
func TestDifferentRequestWithSameKeyIs422(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.is(h.post(number, text(phone), "k").Status, 200, "status")
		const want = "422 100 this Idempotency-Key was used for a different request"
		h.is(graphError(h.post(number, template(phone, "hi"), "k")), want, "another body")
		h.is(graphError(h.post(string(onGupshup), text(phone), "k")), want, "another number")
		h.is(len(h.meta.calls())+len(h.gupshup.calls()), 1, "provider calls")
	})
}

// TestI6OnlyUnsentMayBeSentAgain: a message that may have been sent keeps its key, and a repeated
// request gets the first answer. A message that was not sent frees its key.
func TestI6OnlyUnsentMayBeSentAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		errs   []error
		first  int
		second int
		calls  int
	}{
		"no answer":            {[]error{lost}, 500, 500, 1},
		"lost at a retry":      {[]error{notSent, lost}, 500, 500, 2},
		"never accepted":       {[]error{notSent, notSent, notSent}, 500, 200, 4},
		"the request is wrong": {[]error{invalid}, 400, 200, 2},
		"token expired":        {[]error{&providers.Error{Kind: providers.Operator, Code: 190, Status: 401}}, 403, 200, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				h.wrote(followup.Identity{Phone: phone})
				h.meta.answers(c.errs...)
				h.is(h.post(number, text(phone), "k").Status, c.first, "first")
				h.is(h.post(number, text(phone), "k").Status, c.second, "second")
				h.is(len(h.meta.calls()), c.calls, "provider calls")
			})
		})
	}
}

// TestRefusalFreesKey: a refusal by the guard frees the key, because the window may be open when
// the same request comes again.
func TestRefusalFreesKey(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.is(h.post(number, text(phone), "k").Status, 400, "to a stranger")
		lead := h.wrote(followup.Identity{Phone: phone})
		time.Sleep(25 * time.Hour)
		h.is(h.post(number, text(phone), "k").Status, 400, "window closed")
		h.opens(lead)
		h.is(h.post(number, text(phone), "k").Status, 200, "window open")
	})
}

// TestI6UnfinishedKeyStaysHeld: a key whose answer could not be stored stays held and is not freed.
func TestI6UnfinishedKeyStaysHeld(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.store.breaks("FinishKey", 1000)
		h.is(h.post(number, text(phone), "k").Status, 200, "first")
		h.is(h.post(number, text(phone), "k").Status, 409, "second")
		h.is(len(h.meta.calls()), 1, "provider calls")
	})
}

// TestUnusedKeyIsFreeAfterItsLease: a request that claimed its key without learning of it, and so
// sent nothing, holds the key only for its lease of a minute.
func TestUnusedKeyIsFreeAfterItsLease(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.store.breaks("BeginKey's answer", 1)
		h.is(h.post(number, text(phone), "k").Status, 503, "first")
		h.is(h.post(number, text(phone), "k").Status, 409, "at once")
		time.Sleep(time.Minute)
		h.is(h.post(number, text(phone), "k").Status, 200, "a minute later")
		h.is(len(h.meta.calls()), 1, "provider calls")
	})
}

// TestI6RequestThatLostItsKeySendsNothing: a request that was held up until another got its key
// sends nothing and leaves the key to the other.
func TestI6RequestThatLostItsKeySendsNothing(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		held := make(chan struct{})
		var first atomic.Bool
		h.store.holding = func() {
			if first.CompareAndSwap(false, true) {
				<-held
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() { h.is(h.post(number, text(phone), "k").Status, 503, "the request that was held up") })
		time.Sleep(time.Minute)
		h.is(h.post(number, text(phone), "k").Status, 200, "the other request")
		close(held)
		wg.Wait()
		h.is(h.post(number, text(phone), "k").Status, 200, "the same request once more")
		h.is(len(h.meta.calls()), 1, "provider calls")
	})
}

// TestI6KeyIsHeldBeforeCall: the key is held before the provider call, for as long as keys are
// remembered, so it outlives a crash after the call. If it cannot be held, nothing is sent.
func TestI6KeyIsHeldBeforeCall(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.store.breaks("HoldKey", 1)
		h.is(h.post(number, text(phone), "k").Status, 503, "not held")
		h.is(len(h.meta.calls()), 0, "provider calls")
		h.store.breaks("FinishKey", 1000)
		h.is(h.post(number, text(phone), "k").Status, 200, "held")
		time.Sleep(followup.KeyAge - time.Minute)
		h.is(h.post(number, text(phone), "k").Status, 409, "a minute before the key is forgotten")
		h.is(len(h.meta.calls()), 1, "provider calls")
	})
}

// TestI6EndOfHeldKeyIsRetried: after a key was held, dropping it or storing its answer is retried
// while the store fails. A key whose message was not sent is free then, and one whose message was
// sent has its answer.
func TestI6EndOfHeldKeyIsRetried(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.store.breaks("GuardSend", 1)
		h.store.breaks("DropKey", 3)
		h.is(h.post(number, text(phone), "k").Status, 503, "the guard fails")
		h.store.breaks("HoldKey's answer", 1)
		h.store.breaks("DropKey", 3)
		h.is(h.post(number, text(phone), "k").Status, 503, "the key may be held")
		h.store.breaks("FinishKey", 3)
		first := h.post(number, text(phone), "k")
		h.is(first.Status, 200, "sent")
		h.is(h.post(number, text(phone), "k"), first, "repeated")
		h.is(len(h.meta.calls()), 1, "provider calls")
	})
}

// TestDropOfUnheldKeyIsNotRetried: a key that was not held is soon free by itself, so a request
// does not wait to drop it.
func TestDropOfUnheldKeyIsNotRetried(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.store.breaks("Resolve", 1)
		h.store.breaks("DropKey", 1000)
		began := time.Now()
		h.is(h.post(number, text(phone), "k").Status, 503, "status")
		h.is(time.Since(began), time.Duration(0), "time taken")
	})
}

// TestKeyLengthIsBounded: a key of 255 bytes is accepted and a longer one refused.
func TestKeyLengthIsBounded(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.is(h.post(number, text(phone), strings.Repeat("k", 255)).Status, 200, "255 bytes")
		h.is(graphError(h.post(number, text(phone), strings.Repeat("k", 256))), "400 100 Idempotency-Key must have at most 255 bytes", "256 bytes")
	})
}

// TestMalformedRequestDoesNotUseItsKey: the key of a malformed request can be used again.
func TestMalformedRequestDoesNotUseItsKey(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.is(h.post(number, `{}`, "k").Status, 400, "malformed")
		h.is(h.post(number, text(phone), "k").Status, 200, "well-formed")
	})
}

// TestI6KeyIsFinishedWithoutItsCaller: a caller that goes away during the call leaves no key behind
// that stays busy: the same request later gets the answer.
func TestI6KeyIsFinishedWithoutItsCaller(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		ctx, cancel := context.WithCancel(h.Context())
		h.meta.hook = cancel
		first := h.api.Send(ctx, outbound.Request{Tenant: tenant, Number: number, IdempotencyKey: "k", Body: []byte(text(phone))})
		h.is(first.Status, 200, "status")
		h.is(h.post(number, text(phone), "k"), first, "repeated")
		h.is(len(h.meta.calls()), 1, "provider calls")
	})
}

// TestKeyIsHeldOnce: a retry of the provider call needs no second holding of its key.
func TestKeyIsHeldOnce(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.meta.answers(notSent)
		h.meta.hook = func() { h.store.breaks("HoldKey", 1) }
		h.is(h.post(number, text(phone), "k").Status, 200, "status")
	})
}
