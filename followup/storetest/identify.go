package storetest

import (
	"errors"
	"time"

	"wagate/followup"
)

// identifyTests: identities that are known to belong to a lead.
func identifyTests() []test {
	return []test{
		{"an identity given with a lead's id becomes the lead's", func(w *world) {
			who := followup.Identity{Phone: newPhone()}
			lead := w.resolve(who)
			user := newUser()
			before := w.get(lead).Revision
			w.is(w.identify(lead, followup.Identity{UserID: user}), lead, "the lead named")
			l := w.get(lead)
			w.is([]string{l.Phone, l.UserID}, []string{who.Phone, user}, "identities of the record")
			w.is(w.resolve(followup.Identity{UserID: user}), lead, "by the user id")
			w.is(l.Revision > before, true, "the revision grew")
			w.is(w.identify(lead, followup.Identity{Phone: who.Phone, UserID: user}), lead, "with what is known already")
			w.is(w.identify(lead, followup.Identity{}), lead, "by the id alone")
			w.is(w.get(lead).Revision, l.Revision, "revision after nothing was learnt")
			_, n := w.list(followup.LeadFilter{Limit: 10})
			w.is(n, 1, "leads")
		}},
		{"another lead's identity given with a lead's id merges the two", func(w *world) {
			older, younger, _ := w.two()
			user := w.get(younger).UserID
			run := w.start(younger)
			w.is(w.identify(older, followup.Identity{UserID: user}), older, "the older, named itself")
			w.ended(run, followup.Merged)

			user, phone := newUser(), newPhone()
			older = w.resolve(followup.Identity{UserID: user})
			w.pass(time.Second)
			younger = w.resolve(followup.Identity{Phone: phone})
			w.settle(younger, w.message("hi"))
			w.is(w.identify(younger, followup.Identity{UserID: user}), older, "the older, though the younger was named")
			w.is(w.resolve(followup.Identity{Phone: phone}), older, "by the phone of the younger")
			w.said(older, "hi")
		}},
		{"a merged lead's id counts as the winner's", func(w *world) {
			older, younger, join := w.two()
			join()
			user := newUser()
			w.is(w.identify(younger, followup.Identity{UserID: user}), older, "the winner")
			w.is(w.resolve(followup.Identity{UserID: user}), older, "by the user id given with its id")
			w.is(w.identify(younger, followup.Identity{UserID: user}), older, "the winner again")
			w.is(w.identify(younger, followup.Identity{}), older, "the winner, by its id alone")
		}},
		{"an id that is no lead of the tenant's is refused", func(w *world) {
			door := w.tenantNextDoor()
			theirs := door.lead()
			gone := w.lead()
			w.must(w.s.EraseLead(w.ctx, w.tenant, gone, w.now), "EraseLead")
			oldest, older, join := w.two()
			join()
			w.must(w.s.EraseLead(w.ctx, w.tenant, oldest, w.now), "EraseLead")
			for name, lead := range map[string]followup.LeadID{
				"another tenant's": theirs, "erased": gone, "merged into one that was erased": older,
				"unknown": followup.NewLeadID(), "of an account": followup.AccountLead(w.main),
			} {
				who := followup.Identity{Phone: newPhone(), UserID: newUser()}
				beside := who
				beside.Lead = lead
				if _, err := w.s.Resolve(w.ctx, w.tenant, beside, true, w.now); !errors.Is(err, followup.ErrNotFound) {
					w.Errorf("Resolve with the id of a lead (%s): got %v, want ErrNotFound", name, err)
				}
				if _, err := w.s.Resolve(w.ctx, w.tenant, who, false, w.now); !errors.Is(err, followup.ErrNotFound) {
					w.Errorf("Resolve of the identities given with it (%s): got %v, want ErrNotFound", name, err)
				}
			}
			w.is(door.get(theirs).UserID, "", "user id of the other tenant's lead")
		}},
		{"a phone of another user id is not written", func(w *world) {
			// The lead has a new user id, and nobody has told the phone that goes with it.
			lead := w.resolve(followup.Identity{UserID: newUser()})
			old := followup.Identity{Phone: newPhone(), UserID: newUser()}
			w.is(w.identify(lead, old), lead, "with the old identities")
			found, err := w.s.Resolve(w.ctx, w.tenant, followup.Identity{Phone: old.Phone}, false, w.now)
			w.must(err, "Resolve")
			w.is(found, lead, "by the old phone")
			w.is(w.get(lead).Phone, "", "phone of the record, after a lookup by it")
			now := followup.Identity{Phone: newPhone(), UserID: w.get(lead).UserID}
			w.is(w.identify(lead, now), lead, "with the current identities")
			w.is(w.get(lead).Phone, now.Phone, "phone of the record")
		}},
	}
}

// identify tells the store that the identities belong to the lead, and returns the lead they lead
// to.
func (w *world) identify(lead followup.LeadID, who followup.Identity) followup.LeadID {
	w.Helper()
	who.Lead = lead
	id, err := w.s.Resolve(w.ctx, w.tenant, who, false, w.now)
	w.must(err, "Resolve with the id of a lead")
	return id
}
