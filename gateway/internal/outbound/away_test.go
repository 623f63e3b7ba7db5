package outbound_test

import (
	"testing"
	"time"

	"wagate/followup"
)

// TestI1NothingIsSentWhileTheStoreIsAway: whichever call to the store fails before the provider
// call, nothing is sent, and the caller is told to try again. The same request succeeds later.
func TestI1NothingIsSentWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"Resolve", "GuardSend", "Pace", "BeginKey"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				h.wrote(followup.Identity{Phone: phone})
				h.store.breaks(method, 1)
				a := h.post(number, text(phone), "k")
				h.is(graphError(a), "503 131016 the message was not sent; try again", "answer")
				h.is(a.RetryAfter, time.Second, "Retry-After")
				h.is(len(h.meta.calls()), 0, "provider calls")
				h.is(h.post(number, text(phone), "k").Status, 200, "the same request later")
			})
		})
	}
}

// TestI7UnrecordedMessageIsAnsweredAsSent: a message that was sent is answered as sent, even if its
// result cannot be recorded.
func TestI7UnrecordedMessageIsAnsweredAsSent(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.store.breaks("RecordSend", 1000)
		h.is(h.post(number, text(phone), "").Status, 200, "status")
	})
}

// TestMergedLeadIsResolvedAgain: a lead that is merged into another after the API has resolved it
// and before the guard is resolved again.
func TestMergedLeadIsResolvedAgain(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		time.Sleep(time.Second)
		young := h.wrote(followup.Identity{UserID: "BR.77a"})
		h.store.wait = time.Second
		time.AfterFunc(500*time.Millisecond, func() {
			_, err := h.store.Store.Resolve(h.Context(), tenant, followup.Identity{Phone: phone, UserID: "BR.77a"}, true, time.Now())
			h.is(err, nil, "Resolve")
		})
		a := h.post(number, `{"messaging_product":"whatsapp","recipient":"BR.77a","text":{"body":"hello"}}`, "")
		h.is(a.Status, 200, "status")
		h.is(len(h.meta.calls()), 1, "provider calls")
		if id, _ := followup.ParseOpaque(h.meta.calls()[0].Opaque); id.Lead() == young {
			t.Error("attempt: got the lead that was merged away, want the remaining one")
		}
	})
}
