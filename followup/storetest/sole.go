package storetest

import (
	"errors"
	"sync"

	"wagate/followup"
)

// soleTests: identities that a lead gets only if nobody has them.
func soleTests() []test {
	sole := func(w *world, lead followup.LeadID, who followup.Identity, create bool) (followup.LeadID, error) {
		who.Lead, who.Sole = lead, true
		return w.s.Resolve(w.ctx, w.tenant, who, create, w.now)
	}
	find := func(w *world, who followup.Identity) (followup.LeadID, error) {
		return w.s.Resolve(w.ctx, w.tenant, who, false, w.now)
	}
	return []test{
		{"an identity that nobody has becomes the lead's, or a new lead's", func(w *world) {
			lead := w.lead()
			his := followup.Identity{Phone: newPhone(), UserID: newUser(), ExternalID: "crm-1"}
			for range 2 { // identities that the lead already has are no obstacle
				got, err := sole(w, lead, his, false)
				w.must(err, "Resolve")
				w.is(got, lead, "the lead")
			}
			for _, one := range []followup.Identity{{Phone: his.Phone}, {UserID: his.UserID}, {ExternalID: his.ExternalID}} {
				got, err := find(w, one)
				w.must(err, "Resolve")
				w.is(got, lead, "by %+v", one)
			}
			his = followup.Identity{Phone: newPhone(), ExternalID: "crm-2"}
			got, err := sole(w, "", his, true)
			w.must(err, "Resolve")
			w.is(w.get(got).ExternalID, "crm-2", "external id of a new one")
			if _, err := sole(w, "", followup.Identity{Phone: newPhone()}, false); !errors.Is(err, followup.ErrNotFound) {
				w.Errorf("unasked: got %v, want ErrNotFound", err)
			}
		}},
		{"another lead's identity merges nobody, and changes nothing", func(w *world) {
			older, younger, _ := w.two()
			user, run := w.get(younger).UserID, w.start(younger)
			beside := followup.Identity{UserID: user, Phone: newPhone(), ExternalID: "crm-3"}
			before := w.get(older).Revision
			for _, lead := range []followup.LeadID{older, ""} {
				if _, err := sole(w, lead, beside, lead == ""); !errors.Is(err, followup.ErrConflict) {
					w.Errorf("Resolve for %q: got %v, want ErrConflict", lead, err)
				}
			}
			w.is(w.get(older).Revision, before, "revision")
			w.is(w.get(younger).UserID, user, "user id of its owner")
			w.is(w.run(run).State, followup.RunArmed, "its owner's run")
			for _, who := range []followup.Identity{{Phone: beside.Phone}, {ExternalID: beside.ExternalID}} {
				if _, err := find(w, who); !errors.Is(err, followup.ErrNotFound) {
					w.Errorf("by %+v: got %v, want ErrNotFound", who, err)
				}
			}
		}},
		{"a phone belongs to the lead it leads to, whatever user id comes with it", func(w *world) {
			for _, gaveUp := range []bool{true, false} {
				his := followup.Identity{Phone: newPhone(), UserID: newUser()}
				holder, lead, user := w.resolve(his), w.lead(), newUser()
				if gaveUp {
					w.edit(holder, func(l *followup.Lead) { l.Phone = newPhone() })
				}
				if _, err := sole(w, lead, followup.Identity{Phone: his.Phone, UserID: user}, false); !errors.Is(err, followup.ErrConflict) {
					w.Errorf("Resolve: got %v, want ErrConflict", err)
				}
				got, err := find(w, followup.Identity{Phone: his.Phone})
				w.must(err, "Resolve")
				w.is(got, holder, "by the phone")
				w.is(w.get(lead).UserID, "", "user id of the other")
			}
		}},
		{"one of many at once gets the identity", func(w *world) {
			who := followup.Identity{ExternalID: "crm-4"}
			leads := make([]followup.LeadID, 12)
			for i := range leads {
				leads[i] = w.lead()
			}
			errs := make([]error, len(leads))
			var wg sync.WaitGroup
			for i := range leads {
				wg.Go(func() { _, errs[i] = sole(w, leads[i], who, false) })
			}
			wg.Wait()
			got, err := find(w, who)
			w.must(err, "Resolve")
			for i, lead := range leads {
				if lead == got {
					w.is(errs[i], nil, "the lead that has it")
				} else if !errors.Is(errs[i], followup.ErrConflict) {
					w.Errorf("a lead that does not have it: got %v, want ErrConflict", errs[i])
				}
				w.is(w.get(lead).ID, lead, "the lead, which still exists")
			}
		}},
	}
}
