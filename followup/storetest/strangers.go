package storetest

import (
	"errors"
	"time"

	"wagate/followup"
)

// strangerTests: a contact with a number that was another lead's is somebody new.
func strangerTests() []test {
	type id = followup.Identity
	// moved returns a lead whose number and user id have changed. The parameter phone says whether
	// the new phone was told.
	moved := func(w *world, phone bool) (lead followup.LeadID, was, is id) {
		w.Helper()
		was = id{Phone: newPhone(), UserID: newUser()}
		is = id{UserID: newUser(), OldPhone: was.Phone, OldUserID: was.UserID}
		if phone {
			is.Phone = newPhone()
		}
		lead = w.resolve(was)
		w.is(w.resolve(is), lead, "by the notice")
		w.edit(lead, func(l *followup.Lead) { l.Phone, l.UserID = is.Phone, is.UserID })
		w.pass(time.Hour)
		return lead, was, id{Phone: is.Phone, UserID: is.UserID}
	}
	one := func(w *world, lead followup.LeadID, what string, all ...id) {
		w.Helper()
		for _, who := range all {
			got, err := w.s.Resolve(w.ctx, w.tenant, who, false, w.now)
			w.must(err, "Resolve "+what)
			w.is(got, lead, "%s", what)
		}
	}
	has := func(w *world, lead followup.LeadID, want id, what string) {
		w.Helper()
		l := w.get(lead)
		w.is(id{Phone: l.Phone, UserID: l.UserID}, want, "the record of %s", what)
	}
	return []test{
		{"I10 the new owner of a number is another lead", func(w *world) {
			for _, told := range []bool{true, false} {
				lead, was, is := moved(w, told)
				stranger := id{Phone: was.Phone, UserID: newUser()}
				if _, err := w.s.Resolve(w.ctx, w.tenant, stranger, false, w.now); !errors.Is(err, followup.ErrNotFound) {
					w.Errorf("a stranger that is only mentioned: got %v, want ErrNotFound", err)
				}
				one(w, lead, "by the old phone, as nobody else has it", id{Phone: was.Phone})
				his := w.resolve(stranger)
				w.is(his != lead, true, "the stranger is another lead")
				one(w, his, "the stranger", stranger, id{Phone: stranger.Phone}, id{UserID: stranger.UserID})
				// What still names the lead by its former identities is the lead's, and takes
				// nothing from the stranger.
				one(w, lead, "the lead", is, was, id{UserID: was.UserID}, id{Phone: is.Phone, UserID: is.UserID, OldPhone: was.Phone, OldUserID: was.UserID})
				one(w, his, "the stranger again", stranger, id{Phone: stranger.Phone})
				has(w, lead, is, "the lead")
				has(w, his, stranger, "the stranger")
			}
		}},
		{"I10 a new owner who was known by user id does not become the old one", func(w *world) {
			lead, was, _ := moved(w, true)
			stranger := id{UserID: newUser()}
			his := w.resolve(stranger)
			stranger.Phone = was.Phone
			w.is(w.resolve(stranger), his, "the stranger with the old number")
			one(w, his, "by the number", id{Phone: was.Phone})
			has(w, his, stranger, "the stranger")
			_, n := w.list(followup.LeadFilter{Limit: 10})
			w.is(n, 2, "leads")
			w.is(w.get(lead).ID, lead, "the lead is still there")
		}},
		{"I10 a stranger's change of identity is not the lead's", func(w *world) {
			lead, was, _ := moved(w, true)
			his := w.resolve(id{Phone: newPhone(), UserID: newUser(), OldPhone: was.Phone, OldUserID: newUser()})
			w.is(his != lead, true, "the stranger is another lead")
			one(w, his, "by the number", id{Phone: was.Phone})
		}},
		{"I10 a status about a message to the lead's old number is the lead's", func(w *world) {
			for _, told := range []bool{true, false} {
				lead, was, is := moved(w, told)
				his := w.resolve(id{Phone: was.Phone, UserID: newUser()})
				w.is(w.identify(lead, id{Phone: was.Phone, UserID: is.UserID}), lead, "with the lead's id")
				w.is(w.identify(lead, id{OldPhone: was.Phone}), lead, "with the lead's id, without a user id")
				one(w, his, "by the number", id{Phone: was.Phone})
				has(w, lead, is, "the lead")
			}
		}},
		{"user ids of several portfolios are one lead's", func(w *world) {
			who := id{Phone: newPhone(), UserID: newUser()}
			lead := w.resolve(who)
			there := id{Phone: who.Phone, UserID: newUser()}
			w.is(w.resolve(there), lead, "with the user id of another portfolio")
			one(w, lead, "afterwards", who, there, id{UserID: there.UserID})
			hidden := id{UserID: newUser()}
			w.pass(time.Second)
			w.resolve(hidden)
			hidden.Phone = who.Phone
			w.is(w.resolve(hidden), lead, "with one that was known without the phone")
			_, n := w.list(followup.LeadFilter{Limit: 10})
			w.is(n, 1, "leads")
		}},
	}
}
