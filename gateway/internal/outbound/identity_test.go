package outbound_test

import (
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// resolvesTo fails unless each of the identities leads to the lead.
func (h *harness) resolvesTo(lead followup.LeadID, as ...followup.Identity) followup.Lead {
	h.Helper()
	for _, who := range as {
		if who == (followup.Identity{}) {
			continue
		}
		got, err := h.store.Store.Resolve(h.Context(), tenant, who, false, time.Now())
		h.must(err, "Resolve")
		h.is(got, lead, "lead found")
	}
	l, err := h.store.Lead(h.Context(), tenant, lead)
	h.must(err, "Lead")
	return l
}

// Whom the provider says it took the recipient for is the lead: by the API and
// by a step alike, even if the store stumbles.
func TestAnswerIdentifiesLead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dialled string
		heard   providers.Contact
		phone   string // of the record, then
		broken  string
	}{
		"in the other spelling": {"5511912345678", providers.Contact{Phone: "551112345678"}, "551112345678", ""},
		"and back":              {"551112345678", providers.Contact{Phone: "5511912345678"}, "5511912345678", ""},
		"by another phone":      {"5511912345678", providers.Contact{Phone: "15550100001"}, "5511912345678", ""},
		"with a user id":        {"5511912345678", providers.Contact{Phone: "5511912345678", UserID: "BR.1"}, "5511912345678", ""},
		"by a user id alone":    {"5511912345678", providers.Contact{UserID: "BR.1"}, "5511912345678", ""},
		"Resolve stumbles":      {"5511912345678", providers.Contact{Phone: "551112345678"}, "551112345678", "Resolve"},
		"Settle stumbles":       {"5511912345678", providers.Contact{Phone: "551112345678"}, "551112345678", "Settle"},
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
				h.is(l.Phone, c.phone, "phone of the record")
				h.is(l.UserID, c.heard.UserID, "user id of the record")
			})
		})
	}
}

// An answer that tells nothing new asks nothing of the store.
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
			h.is(h.store.fail("Resolve"), errAway, "the fault, which nobody met")
		})
	}
}

// The answer makes two leads one, the one sent to no longer being the one there
// is. What was sent, and the receipt that was faster, are recorded all the same.
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
		h.is([]string{l.Phone, l.UserID}, []string{phone, "BR.1"}, "identities of the record")
		said, err := h.store.History(h.Context(), older, onMeta, time.Now())
		h.must(err, "History")
		if len(said) != 1 || said[0].Text != "hello" {
			t.Errorf("history of the one lead: got %v, want what was sent", said)
		}
	})
}

// A lead that somebody else merges away during the call is recorded as the one it
// became, even if the store stumbles.
func TestI7RecordFollowsMerge(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"", "Resolve", "RecordSend"} {
		t.Run("trouble with "+method, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				older := h.wrote(followup.Identity{UserID: "BR.1"})
				time.Sleep(time.Second)
				h.wrote(followup.Identity{Phone: phone})
				h.meta.answers(&providers.Error{Kind: providers.OptedOut, Code: 131050})
				h.meta.hook = func() {
					_, err := h.store.Store.Resolve(h.Context(), tenant, followup.Identity{Phone: phone, UserID: "BR.1"}, false, time.Now())
					h.must(err, "Resolve meanwhile")
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

// A lead who is erased during the call is not brought back by the answer, and
// nobody waits for him.
func TestAnswerDoesNotReviveErasedLead(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		lead := h.wrote(followup.Identity{Phone: phone})
		h.meta.extra.Contact = providers.Contact{Phone: phone, UserID: "BR.1"}
		h.meta.hook = func() { h.must(h.store.EraseLead(h.Context(), tenant, lead, time.Now()), "EraseLead") }
		began := time.Now()
		h.is(h.post(number, text(phone), "").Status, 200, "status")
		h.is(time.Since(began), time.Duration(0), "time in which the store was asked again")
		_, n, err := h.store.Leads(h.Context(), tenant, followup.LeadFilter{})
		h.must(err, "Leads")
		h.is(n, 0, "leads")
	})
}

// A lead whose making was cut off has his identities, and no record to be guarded: a template makes him whole.
func TestTemplateCompletesHalfMadeLead(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.store.noRecords.Store(true)
		h.is(h.post(number, template(phone, "hello"), "").Status, 200, "status")
	})
}
