package storetest

import (
	"errors"

	"wagate/followup"
	"wagate/providers"
)

// twins are phones in both of their spellings.
var twins = [][2]string{
	{"5511912345678", "551112345678"},
	{"5531987654321", "553187654321"},
	{"525512345678", "5215512345678"},
}

// phoneTests: one phone is one lead, however it is spelled.
func phoneTests() []test {
	return []test{
		{"every spelling finds the lead", func(w *world) {
			for _, pair := range twins {
				for i := range pair {
					n := w.tenantNextDoor() // a tenant where nobody knows the phone yet
					one, other := pair[i], pair[1-i]
					lead := n.resolve(followup.Identity{Phone: one})
					n.is(n.resolve(followup.Identity{Phone: other}), lead, "%s after %s", other, one)
					n.is(n.resolve(followup.Identity{UserID: newUser(), OldPhone: other}), lead, "%s as an old phone", other)
					n.is(n.get(lead).Phone, one, "phone of the record")
					for _, phone := range pair {
						got, total := n.list(followup.LeadFilter{Phone: phone, Limit: 10})
						n.is(got, []followup.LeadID{lead}, "search for %s", phone)
						n.is(total, 1, "total of the search for %s", phone)
					}
					n.must(n.s.EraseLead(n.ctx, n.tenant, lead, n.now), "EraseLead")
					for _, phone := range pair {
						if _, err := n.s.Resolve(n.ctx, n.tenant, followup.Identity{Phone: phone}, false, n.now); !errors.Is(err, followup.ErrNotFound) {
							n.Errorf("Resolve %s after the erasure: got %v, want ErrNotFound", phone, err)
						}
					}
				}
			}
		}},
		{"a landline is not the mobile that ends like it", func(w *world) {
			landline := w.resolve(followup.Identity{Phone: "551134567890"})
			w.is(w.resolve(followup.Identity{Phone: "5511934567890"}) != landline, true, "different leads")
		}},
		{"the record has the spelling last heard", func(w *world) {
			lead := w.resolve(followup.Identity{Phone: twins[0][0]})
			hear := func(c providers.Contact) followup.Lead {
				w.Helper()
				_, err := w.s.Settle(w.ctx, followup.Settlement{
					Tenant: w.tenant, Lead: lead, Contact: c, Items: []followup.Item{w.message("hi")}, Now: w.now, Real: w.now,
				})
				w.must(err, "Settle")
				return w.get(lead)
			}
			before := w.get(lead).Revision
			l := hear(providers.Contact{Phone: twins[0][1]})
			w.is(l.Phone, twins[0][1], "phone after the other spelling")
			w.is(l.Revision > before, true, "the revision grew")
			before = l.Revision
			l = hear(providers.Contact{Phone: twins[0][1]})
			w.is(l.Revision, before, "revision after the same spelling")
			w.is(hear(providers.Contact{Phone: twins[0][0]}).Phone, twins[0][0], "phone after the first spelling again")
			w.is(hear(providers.Contact{Phone: twins[1][0]}).Phone, twins[0][0], "phone after another phone")
			w.resolve(followup.Identity{Phone: twins[0][1]})
			w.is(w.get(lead).Phone, twins[0][0], "phone after the lead was only looked up")
		}},
		{"a settlement without items fills in the contact", func(w *world) {
			lead := w.resolve(followup.Identity{UserID: newUser()})
			_, err := w.s.Settle(w.ctx, followup.Settlement{
				Tenant: w.tenant, Lead: lead, Contact: providers.Contact{Phone: "551134567890"}, Now: w.now, Real: w.now,
			})
			w.must(err, "Settle")
			w.is(w.get(lead).Phone, "551134567890", "phone")
		}},
		{"the phone of another user id is not written", func(w *world) {
			// The lead has a new user id, and the phone that goes with it is unknown: the phone in
			// the event may be a stranger's.
			lead := w.resolve(followup.Identity{UserID: newUser()})
			_, err := w.s.Settle(w.ctx, followup.Settlement{
				Tenant: w.tenant, Lead: lead, Contact: providers.Contact{Name: "Ana", Phone: newPhone(), UserID: newUser()},
				Items: []followup.Item{w.message("sent before")}, Now: w.now, Real: w.now,
			})
			w.must(err, "Settle")
			w.is(w.get(lead).Phone, "", "phone")
			w.is(w.get(lead).Name, "Ana", "name")
		}},
		{"another spelling of the phone of another user id is not written", func(w *world) {
			lead := w.resolve(followup.Identity{Phone: twins[0][0], UserID: newUser()})
			w.hears(lead, providers.Contact{Phone: twins[0][1], UserID: newUser()})
			w.is(w.get(lead).Phone, twins[0][0], "phone")
		}},
		{"a contact without a phone changes nothing in a record without one", func(w *world) {
			user := newUser()
			lead := w.resolve(followup.Identity{UserID: user})
			w.hears(lead, providers.Contact{UserID: user})
			before := w.get(lead).Revision
			w.hears(lead, providers.Contact{UserID: user})
			w.is(w.get(lead).Revision, before, "revision after nothing new")
		}},
	}
}
