package outbound_test

import (
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// TestI4ClosedWindowIs131047WithoutCall: free-form text into a closed window is answered byte for
// byte as Meta answers it, without a provider call. A template is sent.
func TestI4ClosedWindowIs131047WithoutCall(t *testing.T) {
	t.Parallel()
	const want = `{"error":{"message":"(#131047) Re-engagement message","type":"OAuthException","code":131047,` +
		`"error_data":{"messaging_product":"whatsapp","details":"Message failed to send because more than 24 hours have passed since the customer last replied to this number."},"fbtrace_id":""}}`
	for name, wrote := range map[string]bool{"wrote a day ago": true, "never wrote": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
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

// TestI4WindowClosesToTheMillisecond: free-form text is sent until the last millisecond of the
// window and refused from its end on.
func TestI4WindowClosesToTheMillisecond(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		time.Sleep(24*time.Hour - time.Millisecond)
		h.is(h.post(number, text(phone), "").Status, 200, "1 ms before")
		time.Sleep(time.Millisecond)
		h.is(h.post(number, text(phone), "").Status, 400, "at its end")
	})
}

// TestI4ProvidersRefusalClosesWindow: a provider's answer that the window is closed closes ours,
// even if recording it fails once.
func TestI4ProvidersRefusalClosesWindow(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.meta.answers(&providers.Error{Kind: providers.WindowClosed, Code: 131047, Status: 400})
		h.store.breaks("RecordSend", 1)
		h.is(h.post(number, text(phone), "").Status, 400, "status")
		h.is(h.post(number, text(phone), "").Status, 400, "status")
		h.is(len(h.meta.calls()), 1, "provider calls")
	})
}

// TestI4OtherNumbersOfLeadHaveNoWindow: free-form text may go to the identity that wrote, and to no
// other number of the same lead.
func TestI4OtherNumbersOfLeadHaveNoWindow(t *testing.T) {
	t.Parallel()
	const user, other = "BR.77a", "5599000000031"
	bubble(t, func(h *harness) {
		lead := h.wrote(followup.Identity{Phone: phone, UserID: user})
		if _, err := h.store.Store.Resolve(h.Context(), tenant, followup.Identity{Phone: other, Lead: lead}, false, time.Now()); err != nil {
			t.Fatal(err)
		}
		h.is(graphError(h.post(number, text(other), ""))[:10], "400 131047", "to another number that resolves to the lead")
		h.edit(lead, func(l *followup.Lead) { l.Phone = other })
		h.is(graphError(h.post(number, text(other), ""))[:10], "400 131047", "to the number on record")
		h.is(len(h.meta.calls()), 0, "provider calls")
		h.is(h.post(number, text(phone), "").Status, 200, "to the number that wrote")
		h.is(h.post(number, toUser(user), "").Status, 200, "to the user id that wrote")
		h.is(h.post(number, template(other, "hi"), "").Status, 200, "a template")
	})
}
