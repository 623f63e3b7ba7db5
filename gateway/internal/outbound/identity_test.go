package outbound_test

import (
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// resolvesTo checks that each of the identities, if not empty, resolves to the lead, and returns
// the lead's record.
func (h *harness) resolvesTo(lead followup.LeadID, as ...followup.Identity) followup.Lead {
	h.Helper()
	for _, who := range as {
		if who == (followup.Identity{}) {
			continue
		}
		got, err := h.store.Store.Resolve(h.Context(), tenant, who, false, time.Now())
		h.must(err, "Resolve")
		h.is(got, lead, "lead resolved")
	}
	l, err := h.store.Lead(h.Context(), tenant, lead)
	h.must(err, "Lead")
	return l
}

// TestAnswerIdentifiesLead: the identity that the provider's answer gives for the recipient is
// linked to the lead, even if a call to the store fails once.
func TestAnswerIdentifiesLead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dialled string
		heard   providers.Contact
		phone   string // on record afterwards
		broken  string // the store's method that fails once
	}{
		"another spelling":   {"5511912345678", providers.Contact{Phone: "551112345678"}, "551112345678", ""},
		"and the other way":  {"551112345678", providers.Contact{Phone: "5511912345678"}, "5511912345678", ""},
		"another phone":      {"5511912345678", providers.Contact{Phone: "15550100001"}, "5511912345678", ""},
		"phone and user id":  {"5511912345678", providers.Contact{Phone: "5511912345678", UserID: "BR.1"}, "5511912345678", ""},
		"user id alone":      {"5511912345678", providers.Contact{UserID: "BR.1"}, "5511912345678", ""},
		"Resolve fails once": {"5511912345678", providers.Contact{Phone: "551112345678"}, "551112345678", "Resolve"},
		"Settle fails once":  {"5511912345678", providers.Contact{Phone: "551112345678"}, "551112345678", "Settle"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				lead := h.wrote(followup.Identity{Phone: c.dialled})
				h.meta.extra.Contact = c.heard
				h.meta.hook = func() {
					if c.broken != "" {
						h.store.breaks(c.broken, 1)
					}
				}
				h.is(h.post(number, text(c.dialled), "").Status, 200, "status")
				l := h.resolvesTo(lead, followup.Identity{Phone: c.dialled}, followup.Identity{Phone: c.heard.Phone}, followup.Identity{UserID: c.heard.UserID})
				h.is(l.Phone, c.phone, "phone on record")
				h.is(l.UserID, c.heard.UserID, "user id on record")
			})
		})
	}
}

// TestKnownIdentityAsksNothingOfStore: an answer that gives no new identity causes no Resolve.
func TestKnownIdentityAsksNothingOfStore(t *testing.T) {
	t.Parallel()
	for _, heard := range []providers.Contact{{}, {Phone: phone}} {
		bubble(t, func(h *harness) {
			lead := h.wrote(followup.Identity{Phone: phone})
			h.meta.extra.Contact = heard
			h.store.breaks("Resolve", 1)
			r, err := h.service.Send(h.Context(), onMeta, hello, h.allowAll(lead))
			h.must(err, "Send")
			h.is(r.Err, (*providers.Error)(nil), "failure")
			h.is(h.store.fail("Resolve"), errAway, "fault still to come, as nobody called Resolve")
		})
	}
}

// TestI7AnswerMergesTwoLeads: the answer shows that two leads are one, and the lead that was
// written to is merged into the other. The message, and a receipt that arrived before the answer,
// are recorded for the remaining lead.
func TestI7AnswerMergesTwoLeads(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		older := h.wrote(followup.Identity{UserID: "BR.1"})
		time.Sleep(time.Second)
		h.wrote(followup.Identity{Phone: phone})
		h.meta.extra.Contact = providers.Contact{Phone: phone, UserID: "BR.1"}
		_, err := h.store.Message(h.Context(), tenant, "wamid.1", &followup.Parked{Channel: onMeta, At: time.Now(), Receipt: followup.Receipt{
			State: providers.StatusFailed, Kind: providers.OptedOut,
		}})
		h.is(err, followup.ErrNotFound, "receipt parked")
		h.is(h.post(number, text(phone), "").Status, 200, "status")
		l := h.resolvesTo(older, followup.Identity{Phone: phone}, followup.Identity{UserID: "BR.1"})
		h.is(l.OptedOut, true, "opted out by the receipt")
		h.is([]string{l.Phone, l.UserID}, []string{phone, "BR.1"}, "phone and user id on record")
		said, err := h.store.History(h.Context(), older, onMeta, time.Now())
		h.must(err, "History")
		if len(said) != 1 || said[0].Text != "hello" {
			t.Errorf("history of the remaining lead: got %v, want the message sent", said)
		}
	})
}

// TestI7RecordFollowsMerge: if the lead is merged into another during the call, the result is
// recorded for the remaining lead, even if a call to the store fails once.
func TestI7RecordFollowsMerge(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"", "Resolve", "RecordSend"} {
		t.Run("failing once: "+method, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				older := h.wrote(followup.Identity{UserID: "BR.1"})
				time.Sleep(time.Second)
				h.wrote(followup.Identity{Phone: phone})
				h.meta.answers(&providers.Error{Kind: providers.OptedOut, Code: 131050})
				h.meta.hook = func() {
					_, err := h.store.Store.Resolve(h.Context(), tenant, followup.Identity{Phone: phone, UserID: "BR.1"}, false, time.Now())
					h.must(err, "Resolve during the call")
					if method != "" {
						h.store.breaks(method, 1)
					}
				}
				h.is(h.post(number, text(phone), "").Status, 400, "status")
				h.is(h.resolvesTo(older).OptedOut, true, "opted out by the refusal")
			})
		})
	}
}

// TestAnswerDoesNotReviveErasedLead: the answer does not create anew a lead who was erased during
// the call, and the store is not asked again and again for it.
func TestAnswerDoesNotReviveErasedLead(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		lead := h.wrote(followup.Identity{Phone: phone})
		h.meta.extra.Contact = providers.Contact{Phone: phone, UserID: "BR.1"}
		h.meta.hook = func() { h.must(h.store.EraseLead(h.Context(), tenant, lead, time.Now()), "EraseLead") }
		began := time.Now()
		h.is(h.post(number, text(phone), "").Status, 200, "status")
		h.is(time.Since(began), time.Duration(0), "time spent on asking the store again")
		_, n, err := h.store.Leads(h.Context(), tenant, followup.LeadFilter{})
		h.must(err, "Leads")
		h.is(n, 0, "leads")
	})
}

// TestTemplateCompletesHalfMadeLead: a process that died while it created a lead leaves identities
// without a record, for which the guard fails. Sending a template creates the record.
func TestTemplateCompletesHalfMadeLead(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.store.noRecords.Store(true)
		h.is(h.post(number, template(phone, "hello"), "").Status, 200, "status")
	})
}
