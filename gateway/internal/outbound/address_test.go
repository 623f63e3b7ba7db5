package outbound_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

const userID = "BR.77a"

// asking is a store that notes whom the guard was asked about.
type asking struct {
	*store

	about []providers.Contact
}

func (s *asking) GuardSend(ctx context.Context, g followup.GuardSend) (followup.Verdict, error) {
	s.about = append(s.about, g.To)
	return s.store.GuardSend(ctx, g)
}

// asksStore has the API use a store that notes whom the guard was asked about.
func (h *harness) asksStore() *asking {
	s := &asking{store: h.store}
	h.api = h.apiOn(s)
	return s
}

// toUser returns the body of a request to send a text to a user id.
func toUser(id string) string {
	return fmt.Sprintf(`{"messaging_product":"whatsapp","recipient":%q,"type":"text","text":{"body":"hello"}}`, id)
}

// templateToUser returns the body of a request to send a template to a user id.
func templateToUser(id string) string {
	return fmt.Sprintf(`{"messaging_product":"whatsapp","recipient":%q,"type":"template","template":{"name":"hi","language":{"code":"pt_BR"}}}`, id)
}

// edit changes the lead's record.
func (h *harness) edit(lead followup.LeadID, change func(*followup.Lead)) {
	h.Helper()
	l, err := h.store.Store.Lead(h.Context(), tenant, lead)
	h.must(err, "Lead")
	change(&l)
	_, err = h.store.PutLead(h.Context(), followup.PutLead{Lead: l, Now: time.Now(), Real: time.Now()})
	h.must(err, "PutLead")
}

// TestLeadIsAddressedByPhone: a message to a user id goes to the phone of the record that has this
// user id, if there is one. The guard is asked about whoever the message then goes to.
func TestLeadIsAddressedByPhone(t *testing.T) {
	t.Parallel()
	const other, otherUser = "5599000000031", "US.1b"
	both := providers.Contact{Phone: phone, UserID: userID}
	known := func(h *harness) { h.wrote(followup.Identity{Phone: phone, UserID: userID}) }
	for name, c := range map[string]struct {
		as   func(h *harness)
		body string
		want providers.Contact
	}{
		"the record has a phone":             {known, toUser(userID), both},
		"the record has a phone, a template": {known, templateToUser(userID), both},
		"the record has no phone": {
			func(h *harness) { h.wrote(followup.Identity{UserID: userID}) },
			toUser(userID),
			providers.Contact{UserID: userID},
		},
		"a stranger": {func(*harness) {}, templateToUser(userID), providers.Contact{UserID: userID}},
		"a record that was not written yet": {
			func(h *harness) {
				known(h)
				h.store.noRecords.Store(true)
			},
			templateToUser(userID),
			providers.Contact{UserID: userID},
		},
		"another user id of the lead": {
			func(h *harness) {
				lead := h.wrote(followup.Identity{Phone: phone, UserID: userID})
				_, err := h.store.Store.Resolve(h.Context(), tenant, followup.Identity{UserID: otherUser, Lead: lead}, false, time.Now())
				h.must(err, "Resolve")
			},
			templateToUser(otherUser),
			providers.Contact{UserID: otherUser},
		},
		"the user id wrote from another phone than the record's": {
			func(h *harness) {
				h.edit(h.wrote(followup.Identity{Phone: phone, UserID: userID}), func(l *followup.Lead) { l.Phone = other })
			},
			toUser(userID),
			providers.Contact{UserID: userID},
		},
		"a phone":             {known, text(phone), providers.Contact{Phone: phone}},
		"a phone, a template": {known, template(phone, "hi"), providers.Contact{Phone: phone}},
		"a phone and a user id": {
			known,
			`{"messaging_product":"whatsapp","to":"` + phone + `","recipient":"` + userID + `","text":{"body":"hello"}}`,
			providers.Contact{Phone: phone},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for to, p := range map[string]func(h *harness) *provider{
				number:            func(h *harness) *provider { return h.meta },
				string(onGupshup): func(h *harness) *provider { return h.gupshup },
			} {
				bubble(t, func(h *harness) {
					c.as(h)
					s := h.asksStore()
					a := h.post(to, c.body, "")
					h.is(a.Status, 200, "status")
					if calls := p(h).calls(); len(calls) == 1 {
						h.is(calls[0].To, c.want, "addressed to")
					} else {
						t.Errorf("provider calls: got %d, want 1", len(calls))
					}
					h.is(s.about, []providers.Contact{c.want}, "guard asked about")
				})
			}
		})
	}
}

// TestI4WindowOfPhoneInPlaceOfUserID: a message that goes to the phone in place of the user id is
// sent only while the window is open to the phone.
func TestI4WindowOfPhoneInPlaceOfUserID(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone, UserID: userID})
		time.Sleep(24*time.Hour - time.Millisecond)
		h.is(h.post(number, toUser(userID), "").Status, 200, "1 ms before the end of the window")
		time.Sleep(time.Millisecond)
		h.is(graphError(h.post(number, toUser(userID), ""))[:10], "400 131047", "at its end")
		h.is(len(h.meta.calls()), 1, "provider calls")
	})
}

// TestAnswerToUserID: the answer repeats the user id as the caller wrote it, and names the contact
// as the provider does.
func TestAnswerToUserID(t *testing.T) {
	t.Parallel()
	for want, heard := range map[string]providers.Contact{
		`{"input":"BR.77a","wa_id":"5599000000021"}`:                       {Phone: phone},
		`{"input":"BR.77a","wa_id":"5599000000021","user_id":"BR.77a"}`:    {},
		`{"input":"BR.77a","wa_id":"559900000021","user_id":"BR.another"}`: {Phone: "559900000021", UserID: "BR.another"},
	} {
		bubble(t, func(h *harness) {
			h.wrote(followup.Identity{Phone: phone, UserID: userID})
			h.meta.extra.Contact = heard
			h.answered(h.post(number, toUser(userID), ""), 200,
				`{"messaging_product":"whatsapp","contacts":[`+want+`],"messages":[{"id":"wamid.1"}]}`)
		})
	}
}

// TestOnlyUserIDAsksForRecord: a message to a phone does not cost a look at the lead's record. A
// message to a user id is not sent if the record cannot be read, and may be sent again.
func TestOnlyUserIDAsksForRecord(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone, UserID: userID})
		h.store.breaks("Lead", 1)
		for _, body := range []string{text(phone), template(phone, "hi")} {
			h.is(h.post(number, body, "").Status, 200, "status to a phone")
		}
		a := h.post(number, toUser(userID), "k")
		h.is(graphError(a), "503 131016 the message was not sent; try again", "answer to a user id")
		h.is(a.RetryAfter, time.Second, "Retry-After")
		h.is(len(h.meta.calls()), 2, "provider calls")
		h.is(h.post(number, toUser(userID), "k").Status, 200, "the same request later")
	})
}

// TestAddressStaysForAllTries: if the record gets another phone after it was looked at, the message
// still goes to the phone that the guard was asked about, at each try.
func TestAddressStaysForAllTries(t *testing.T) {
	t.Parallel()
	for _, body := range []string{toUser(userID), templateToUser(userID)} {
		bubble(t, func(h *harness) {
			lead := h.wrote(followup.Identity{Phone: phone, UserID: userID})
			s := h.asksStore()
			h.store.wait = time.Second
			moved := false
			change := func() {
				if !moved {
					h.edit(lead, func(l *followup.Lead) { l.Phone = "5599000000031" })
				}
				moved = true
			}
			time.AfterFunc(500*time.Millisecond, change)
			h.meta.answers(&providers.Error{Kind: providers.Transient, Retryable: true})
			h.is(h.post(number, body, "").Status, 200, "status")
			want := providers.Contact{Phone: phone, UserID: userID}
			h.is(s.about, []providers.Contact{want, want}, "guard asked about")
			h.is(len(h.meta.calls()), 2, "provider calls")
			for _, m := range h.meta.calls() {
				h.is(m.To, want, "addressed to")
			}
		})
	}
}

// TestMovedLeadIsAddressedAnew: if the lead is merged into another after it was found, the message
// goes to the phone of the remaining lead. It does so too if the merge comes between the search for
// the lead and the look at its record. If the lead is erased, its phone is not used any more.
func TestMovedLeadIsAddressedAnew(t *testing.T) {
	t.Parallel()
	merge := func(h *harness, _ followup.LeadID) {
		_, err := h.store.Store.Resolve(h.Context(), tenant, followup.Identity{Phone: phone, UserID: userID}, true, time.Now())
		h.must(err, "Resolve")
	}
	erase := func(h *harness, lead followup.LeadID) {
		h.must(h.store.EraseLead(h.Context(), tenant, lead, time.Now()), "EraseLead")
	}
	alone := followup.Identity{UserID: userID}
	both := followup.Identity{Phone: phone, UserID: userID}
	for name, c := range map[string]struct {
		who    followup.Identity
		moves  func(h *harness, lead followup.LeadID)
		looked bool // the lead moves before the look at its record, not while the message waits
		body   string
		want   providers.Contact
	}{
		"merged while it waits":              {alone, merge, false, toUser(userID), providers.Contact{Phone: phone, UserID: userID}},
		"merged before the look":             {alone, merge, true, toUser(userID), providers.Contact{Phone: phone, UserID: userID}},
		"merged while it waits, a template":  {alone, merge, false, templateToUser(userID), providers.Contact{Phone: phone, UserID: userID}},
		"merged before the look, a template": {alone, merge, true, templateToUser(userID), providers.Contact{Phone: phone, UserID: userID}},
		"erased while it waits, a template":  {both, erase, false, templateToUser(userID), providers.Contact{UserID: userID}},
		"erased before the look, a template": {both, erase, true, templateToUser(userID), providers.Contact{UserID: userID}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				if c.who.Phone == "" {
					h.wrote(followup.Identity{Phone: phone})
					time.Sleep(time.Second)
				}
				lead := h.wrote(c.who)
				if c.who.Phone == "" {
					time.Sleep(time.Second)
					h.wrote(followup.Identity{Phone: phone}) // so that the merged lead's window is open to the phone
				}
				if c.looked {
					h.store.looking = func() {
						h.store.looking = nil
						c.moves(h, lead)
					}
				} else {
					h.store.wait = time.Second
					time.AfterFunc(500*time.Millisecond, func() { c.moves(h, lead) })
				}
				s := h.asksStore()
				h.is(h.post(number, c.body, "").Status, 200, "status")
				h.is(len(h.meta.calls()), 1, "provider calls")
				h.is(h.meta.calls()[0].To, c.want, "addressed to")
				h.is(s.about[len(s.about)-1], c.want, "guard asked about")
				if id, _ := followup.ParseOpaque(h.meta.calls()[0].Opaque); id.Lead() == lead {
					t.Error("attempt: got the lead that moved, want the one in its place")
				}
			})
		})
	}
}

// TestKeyOutlivesAddress: a request is the same one whomever its message is addressed to, so it is
// not sent again once the lead's phone is known.
func TestKeyOutlivesAddress(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		lead := h.wrote(followup.Identity{UserID: userID})
		first := h.post(number, toUser(userID), "k")
		h.edit(lead, func(l *followup.Lead) { l.Phone = phone })
		h.answered(h.post(number, toUser(userID), "k"), 200, string(first.Body))
		h.is(len(h.meta.calls()), 1, "provider calls")
	})
}
