package outbound_test

import (
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// A closed window is answered without a call, byte for byte as Meta would.
func TestI4AClosedWindowIs131047WithoutACall(t *testing.T) {
	t.Parallel()
	const want = `{"error":{"message":"(#131047) Re-engagement message","type":"OAuthException","code":131047,` +
		`"error_data":{"messaging_product":"whatsapp","details":"Message failed to send because more than 24 hours have passed since the customer last replied to this number."},"fbtrace_id":""}}`
	for name, wrote := range map[string]bool{"wrote a day ago": true, "never wrote": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in(t, func(h *harness) {
				if wrote {
					h.wrote(followup.Identity{Phone: phone})
					time.Sleep(24 * time.Hour)
				}
				h.answered(h.post(number, text(phone), ""), 400, want)
				h.is(len(h.meta.calls()), 0, "provider calls")
				h.is(h.post(number, template(phone, "hi"), "").Status, 200, "a template")
			})
		})
	}
}

func TestI4TheWindowClosesToTheMillisecond(t *testing.T) {
	t.Parallel()
	in(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		time.Sleep(24*time.Hour - time.Millisecond)
		h.is(h.post(number, text(phone), "").Status, 200, "1 ms before")
		time.Sleep(time.Millisecond)
		h.is(h.post(number, text(phone), "").Status, 400, "at its end")
	})
}

// The provider's word closes our window too.
func TestI4TheProvidersWordClosesTheWindow(t *testing.T) {
	t.Parallel()
	in(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.meta.answers(&providers.Error{Kind: providers.WindowClosed, Code: 131047, Status: 400})
		h.store.breaks("RecordSend", 1)
		h.is(h.post(number, text(phone), "").Status, 400, "status")
		h.is(h.post(number, text(phone), "").Status, 400, "status")
		h.is(len(h.meta.calls()), 1, "provider calls")
	})
}
