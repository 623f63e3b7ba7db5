package storetest

import (
	"time"

	"wagate/followup"
	"wagate/providers"
)

// wrote settles a message that opens the main channel's window. WhatsApp names the sender as who.
func (w *world) wrote(lead followup.LeadID, who providers.Contact) {
	w.Helper()
	w.pass(time.Second)
	_, err := w.s.Settle(w.ctx, followup.Settlement{
		Tenant: w.tenant, Lead: lead, Contact: who, Items: []followup.Item{w.message("hello")}, Now: w.now, Real: w.now,
	})
	w.must(err, "Settle")
}

// hears settles a message that opens no window, of whom WhatsApp calls so.
func (w *world) hears(lead followup.LeadID, who providers.Contact) {
	w.Helper()
	reaction := w.message("ok")
	reaction.Opens = false
	_, err := w.s.Settle(w.ctx, followup.Settlement{
		Tenant: w.tenant, Lead: lead, Contact: who, Items: []followup.Item{reaction}, Now: w.now, Real: w.now,
	})
	w.must(err, "Settle")
}

// free asks the guard to allow free-form text to one of the lead's numbers, and returns the
// refusal.
func (w *world) free(lead followup.LeadID, to providers.Contact) followup.Refusal {
	w.Helper()
	v, err := w.s.GuardSend(w.ctx, followup.GuardSend{
		Tenant: w.tenant, Lead: lead, Channel: w.main, Assistant: w.sales, To: to, FreeForm: true, Now: w.now, Real: w.now,
	})
	w.must(err, "GuardSend")
	return v.Refusal
}

// openerTests: a window is open to the number that wrote, and to no other number of the lead.
func openerTests() []test {
	const open, closed = followup.Allowed, followup.RefusedWindow
	type contact = providers.Contact
	return []test{
		{"another phone or user id in the record has no window until it writes", func(w *world) {
			phone, user, other, otherUser := newMobile(), newUser(), newPhone(), newUser()
			for _, row := range []struct {
				what   string
				had    contact
				change []contact // the changes of the record, in order
				want   followup.Refusal
			}{
				{"another phone", contact{Phone: phone, UserID: user}, []contact{{Phone: other, UserID: user}}, closed},
				{"another phone, and back", contact{Phone: phone}, []contact{{Phone: other}, {Phone: phone}}, open},
				{"another spelling", contact{Phone: phone}, []contact{{Phone: followup.PhoneTwin(phone)}}, open},
				{"the phone removed", contact{Phone: phone, UserID: user}, []contact{{UserID: user}}, open},
				{"another user id in the place of the phone", contact{Phone: phone}, []contact{{UserID: otherUser}}, closed},
				{"another user id beside the phone", contact{Phone: phone, UserID: user}, []contact{{Phone: phone, UserID: otherUser}}, open},
				{"the user id removed", contact{Phone: phone, UserID: user}, []contact{{Phone: phone}}, open},
				{"another user id", contact{UserID: user}, []contact{{UserID: otherUser}}, closed},
				{"the phone of a user id", contact{UserID: user}, []contact{{Phone: phone, UserID: user}}, open},
				{"a phone in the place of a user id", contact{UserID: user}, []contact{{Phone: phone}}, closed},
				{"a phone in the place of a user id, in two steps", contact{UserID: user}, []contact{{Phone: phone, UserID: user}, {Phone: phone}}, closed},
				{"no phone and no user id", contact{Phone: phone, UserID: user}, []contact{{}}, closed},
			} {
				for _, called := range []contact{{}, row.had} { // WhatsApp may name the sender, or say no more than the record
					n := w.tenantNextDoor() // a tenant where nobody has the phone yet
					lead := n.resolve(followup.Identity{Phone: row.had.Phone, UserID: row.had.UserID})
					n.wrote(lead, called)
					for _, is := range row.change {
						n.pass(time.Second)
						n.edit(lead, func(l *followup.Lead) { l.Phone, l.UserID = is.Phone, is.UserID })
					}
					is := row.change[len(row.change)-1]
					n.is(n.free(lead, is), row.want, "free-form after %s", row.what)
					n.is(n.get(lead).WindowOpen(n.main, n.now), row.want == open, "WindowOpen after %s", row.what)
					n.is(n.guardSend(lead, false).Refusal, open, "template after %s", row.what)
					if is.IsZero() {
						continue
					}
					n.wrote(lead, is)
					n.is(n.free(lead, is), open, "free-form after %s and a message", row.what)
				}
			}
		}},
		{"another phone has no window on any channel, nor for a step", func(w *world) {
			lead := w.lead()
			on2 := w.opening()
			on2.Channel = w.second
			w.settle(lead, w.opening(), on2)
			w.start(lead)
			w.pass(interval)
			w.edit(lead, func(l *followup.Lead) { l.Phone = newPhone() })
			w.is(w.get(lead).WindowOpen(w.second, w.now), false, "WindowOpen on the other channel")
			c := w.claim()
			w.is(c.Lead.WindowOpen(w.main, w.now), false, "WindowOpen of the snapshot")
			free := func(g *followup.GuardStep) { g.FreeForm = true }
			w.is(w.guardWith(c, free).Refusal, closed, "guard of a step")
		}},
		{"a number that the record does not name opens the window to itself", func(w *world) {
			was, is := newPhone(), newPhone()
			lead := w.resolve(followup.Identity{Phone: was})
			w.edit(lead, func(l *followup.Lead) { l.Phone = is })
			w.wrote(lead, contact{Phone: was})
			w.is(w.free(lead, contact{Phone: was}), open, "to the number that wrote")
			w.is(w.free(lead, contact{Phone: is}), closed, "to the number on record")
			w.is(w.get(lead).WindowOpen(w.main, w.now), false, "WindowOpen")
			w.wrote(lead, contact{Phone: was})
			w.is(w.free(lead, contact{Phone: was}), open, "to the number that wrote again")
			w.is(w.free(lead, contact{Phone: is}), closed, "to the number on record, once more")
			w.wrote(lead, contact{Phone: is})
			w.is(w.free(lead, contact{Phone: is}), open, "to the number on record, which wrote")
			w.is(w.free(lead, contact{Phone: was}), closed, "to the number that had written before")
			w.is(w.free(lead, contact{}), closed, "to nobody")
		}},
		{"a user id of another portfolio opens the window to itself and to the phone", func(w *world) {
			phone, user, theirs := newPhone(), newUser(), newUser()
			lead := w.resolve(followup.Identity{Phone: phone, UserID: user})
			w.is(w.resolve(followup.Identity{Phone: phone, UserID: theirs}), lead, "the other user id's lead")
			for _, called := range []contact{{UserID: theirs}, {Phone: phone, UserID: theirs}} {
				w.wrote(lead, called)
				w.is(w.free(lead, contact{UserID: theirs}), open, "to the user id that wrote")
				w.is(w.free(lead, contact{Phone: phone}), open, "to the phone")
				w.is(w.free(lead, contact{UserID: user}), closed, "to the user id on record")
			}
			w.wrote(lead, contact{UserID: user})
			w.is(w.free(lead, contact{UserID: user}), open, "to the user id on record, which wrote")
			w.is(w.free(lead, contact{UserID: theirs}), closed, "to the other one")
		}},
		{"a message that comes late moves no window", func(w *world) {
			was, is := newPhone(), newPhone()
			lead := w.resolve(followup.Identity{Phone: was})
			w.edit(lead, func(l *followup.Lead) { l.Phone = is })
			w.wrote(lead, contact{Phone: is})
			late := w.message("hello")
			late.At = w.now.Add(-time.Hour)
			_, err := w.s.Settle(w.ctx, followup.Settlement{
				Tenant: w.tenant, Lead: lead, Contact: contact{Phone: was}, Items: []followup.Item{late}, Now: w.now, Real: w.now,
			})
			w.must(err, "Settle")
			w.is(w.free(lead, contact{Phone: is}), open, "to the phone that wrote last")
		}},
		{"a cut-over with another phone opens the window to that phone", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.opening())
			w.pass(time.Minute)
			p := followup.PutLead{Lead: w.get(lead), WindowFrom: w.now.Add(-time.Second), Now: w.now, Real: w.now}
			p.Lead.Phone, p.Lead.Channel = newPhone(), w.main
			_, err := w.s.PutLead(w.ctx, p)
			w.must(err, "PutLead")
			w.is(w.guardSend(lead, true).Refusal, open, "free-form")
		}},
		{"a corrected number keeps the window that its owner opened", func(w *world) {
			wrong, right := newPhone(), newPhone()
			lead := w.resolve(followup.Identity{Phone: wrong})
			w.pass(time.Second)
			w.wrote(w.resolve(followup.Identity{Phone: right}), contact{Phone: right})
			w.pass(time.Second)
			got, err := w.s.Resolve(w.ctx, w.tenant, followup.Identity{Phone: right, Lead: lead}, false, w.now)
			w.must(err, "Resolve")
			w.is(got, lead, "of the two")
			w.is(w.free(lead, contact{Phone: wrong}), closed, "to the wrong number")
			w.is(w.free(lead, contact{Phone: right}), open, "to the right one")
			w.edit(lead, func(l *followup.Lead) { l.Phone = right })
			w.is(w.guardSend(lead, true).Refusal, open, "to the record corrected")
			w.is(w.get(lead).Windows[w.main].Refused, false, "Refused")
		}},
		{"a merge leaves each window to its opener", func(w *world) {
			phone, user := newPhone(), newUser()
			lead := w.resolve(followup.Identity{Phone: phone})
			w.wrote(lead, contact{Phone: phone})
			w.pass(time.Second)
			loser := w.resolve(followup.Identity{UserID: user})
			on2 := w.opening()
			on2.Channel = w.second
			w.settle(loser, on2)
			w.pass(time.Second)
			w.is(w.resolve(followup.Identity{Phone: phone, UserID: user}), lead, "of the two") // WhatsApp says that the two are one
			w.is(w.free(lead, contact{Phone: phone}), open, "to the phone")
			w.is(w.get(lead).WindowOpenTo(w.second, contact{UserID: user}, w.now), true, "the other channel's to the user id")
			w.is(w.get(lead).WindowOpen(w.second, w.now), true, "the other channel's to the phone")
			w.edit(lead, func(l *followup.Lead) { l.UserID = "" })
			w.is(w.free(lead, contact{Phone: phone}), open, "to the phone, without the user id")
			w.is(w.get(lead).WindowOpen(w.second, w.now), false, "the other channel's, to a phone that is not the user's any more")
		}},
		{"a second phone of a user id has no window", func(w *world) {
			phone, other, user := newPhone(), newPhone(), newUser()
			lead := w.resolve(followup.Identity{UserID: user})
			w.wrote(lead, contact{UserID: user})
			w.edit(lead, func(l *followup.Lead) { l.Phone = phone })
			w.is(w.guardSend(lead, true).Refusal, open, "to the phone that wrote")
			w.edit(lead, func(l *followup.Lead) { l.Phone = other })
			w.is(w.guardSend(lead, true).Refusal, closed, "to another")
		}},
		{"a second user id of a phone has no window", func(w *world) {
			phone, user, other := newPhone(), newUser(), newUser()
			lead := w.resolve(followup.Identity{Phone: phone})
			w.wrote(lead, contact{Phone: phone})
			w.edit(lead, func(l *followup.Lead) { l.UserID = user })
			w.is(w.free(lead, contact{UserID: user}), open, "to the user id that wrote")
			w.edit(lead, func(l *followup.Lead) { l.UserID = other })
			w.is(w.free(lead, contact{UserID: other}), closed, "to another")
		}},
		{"an identity that the opener did not tell comes from a record that names the opener", func(w *world) {
			a, b, c, u, v := newPhone(), newPhone(), newPhone(), newUser(), newUser()
			for _, row := range []struct {
				what         string
				had, wrote   contact
				change       []contact // what the record says, one after the other
				open, closed contact
			}{
				{
					"a user id that is given to the record",
					contact{UserID: u},
					contact{UserID: v},
					[]contact{{Phone: a, UserID: u}, {Phone: b, UserID: v}},
					contact{Phone: b},
					contact{Phone: a},
				},
				{
					"a phone that is the record's for a while",
					contact{Phone: a},
					contact{Phone: b},
					[]contact{{Phone: b, UserID: u}, {Phone: c, UserID: v}},
					contact{Phone: b},
					contact{UserID: u},
				},
				{
					"a phone that is given to the record",
					contact{Phone: a, UserID: u},
					contact{Phone: b},
					[]contact{{Phone: b, UserID: v}},
					contact{UserID: v},
					contact{UserID: u},
				},
			} {
				n := w.tenantNextDoor()
				lead := n.resolve(followup.Identity{Phone: row.had.Phone, UserID: row.had.UserID})
				n.wrote(lead, row.wrote)
				for _, is := range row.change {
					n.edit(lead, func(l *followup.Lead) { l.Phone, l.UserID = is.Phone, is.UserID })
				}
				n.is(n.free(lead, row.open), open, "to the opener, %s", row.what)
				n.is(n.free(lead, row.closed), closed, "to the identity that the record named, %s", row.what)
			}
		}},
		{"a message that opens no window leaves each window to its opener", func(w *world) {
			phone, user := newPhone(), newUser()
			for _, had := range []contact{{Phone: phone}, {UserID: user}} {
				n := w.tenantNextDoor()
				lead := n.resolve(followup.Identity{Phone: had.Phone, UserID: had.UserID})
				n.wrote(lead, had)
				n.hears(lead, contact{Phone: phone, UserID: user})
				n.is(n.contact(lead), contact{Phone: phone, UserID: user}, "the record")
				is := contact{Phone: phone}
				if had.Phone != "" {
					is = contact{UserID: user}
				}
				n.edit(lead, func(l *followup.Lead) { l.Phone, l.UserID = is.Phone, is.UserID })
				n.is(n.free(lead, is), closed, "to the identity told later, alone")
			}
		}},
		{"a window without a known opener belongs to whoever the record names later", func(w *world) {
			user := newUser()
			lead := w.resolve(followup.Identity{ExternalID: "crm " + user})
			w.wrote(lead, contact{})
			w.edit(lead, func(l *followup.Lead) { l.UserID = user })
			w.is(w.free(lead, contact{UserID: user}), open, "to the user id")
		}},
		{"another spelling of the phone keeps the window open to the user id", func(w *world) {
			phone, user := newMobile(), newUser()
			lead := w.resolve(followup.Identity{Phone: phone})
			w.wrote(lead, contact{Phone: phone})
			w.is(w.resolve(followup.Identity{Phone: phone, UserID: user}), lead, "whose user id it is")
			w.is(w.free(lead, contact{UserID: user}), open, "to the user id")
			w.hears(lead, contact{Phone: followup.PhoneTwin(phone), UserID: user})
			w.is(w.free(lead, contact{Phone: phone}), open, "to the phone")
			w.is(w.free(lead, contact{UserID: user}), open, "to the user id, as the phone is spelled otherwise")
		}},
	}
}
