package outbound_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wagate/followup"
	"wagate/gateway/internal/outbound"
	"wagate/providers"
)

// The same key gets the same answer, and one provider call.
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
		h.is(graphError(h.post(number, text(phone), "k"))[:10], "400 131047", "a day later it is a new request")
	})
}

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

// Who waits for a slow call is told so in the end; he is never a second sender.
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

// What may have been sent is answered as before and never sent again; what was
// not sent frees its key.
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
		"not taken":            {[]error{notSent, notSent, notSent}, 500, 200, 4},
		"the request is wrong": {[]error{invalid}, 400, 200, 2},
		"a token ran out":      {[]error{&providers.Error{Kind: providers.Operator, Code: 190, Status: 401}}, 403, 200, 2},
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

// A window that was closed may be open when the same request comes again.
func TestRefusalFreesKey(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.is(h.post(number, text(phone), "k").Status, 400, "from a stranger")
		lead := h.wrote(followup.Identity{Phone: phone})
		time.Sleep(25 * time.Hour)
		h.is(h.post(number, text(phone), "k").Status, 400, "closed")
		h.opens(lead)
		h.is(h.post(number, text(phone), "k").Status, 200, "open")
	})
}

// A key whose end could not be written is held, not freed.
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

// A request that has not come to send, though it has the key, keeps nobody from sending.
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

// Who was held up for so long that another has his key sends nothing, and leaves it to him.
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
		wg.Go(func() { h.is(h.post(number, text(phone), "k").Status, 503, "who was held up") })
		time.Sleep(time.Minute)
		h.is(h.post(number, text(phone), "k").Status, 200, "the other")
		close(held)
		wg.Wait()
		h.is(h.post(number, text(phone), "k").Status, 200, "once more")
		h.is(len(h.meta.calls()), 1, "provider calls")
	})
}

// What may have left holds its key, whoever died over it; what cannot hold it is not sent.
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
		h.is(h.post(number, text(phone), "k").Status, 409, "most of a day later")
		h.is(len(h.meta.calls()), 1, "provider calls")
	})
}

// A key that was held for a message which then was not sent is free although the store
// stumbles, and one whose message left has its answer.
func TestI6EndOfHeldKeyIsRetried(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.store.breaks("GuardSend", 1)
		h.store.breaks("DropKey", 3)
		h.is(h.post(number, text(phone), "k").Status, 503, "no leave")
		h.store.breaks("HoldKey's answer", 1)
		h.store.breaks("DropKey", 3)
		h.is(h.post(number, text(phone), "k").Status, 503, "perhaps held")
		h.store.breaks("FinishKey", 3)
		first := h.post(number, text(phone), "k")
		h.is(first.Status, 200, "again")
		h.is(h.post(number, text(phone), "k"), first, "repeated")
		h.is(len(h.meta.calls()), 1, "provider calls")
	})
}

// Nothing is waited for where the key is free by itself soon.
func TestDropOfUnheldKeyIsNotRetried(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.store.breaks("Resolve", 1)
		h.store.breaks("DropKey", 1000)
		began := time.Now()
		h.is(h.post(number, text(phone), "k").Status, 503, "status")
		h.is(time.Since(began), time.Duration(0), "took")
	})
}

func TestKeyLengthIsBounded(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.is(h.post(number, text(phone), strings.Repeat("k", 255)).Status, 200, "255 bytes")
		h.is(graphError(h.post(number, text(phone), strings.Repeat("k", 256))), "400 100 Idempotency-Key must have at most 255 bytes", "256 bytes")
	})
}

// What is wrong with a request is no use of its key.
func TestMalformedRequestDoesNotUseItsKey(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.is(h.post(number, `{}`, "k").Status, 400, "malformed")
		h.is(h.post(number, text(phone), "k").Status, 200, "well-formed")
	})
}
