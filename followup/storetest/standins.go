package storetest

import (
	"errors"
	"time"

	"wagate/followup"
)

// queue settles events under a stand-in and fails if that is refused.
func (w *world) queue(standIn followup.LeadID, items ...followup.Item) followup.Settled {
	w.Helper()
	out, err := w.s.Settle(w.ctx, followup.Settlement{
		Tenant: w.tenant, Lead: standIn, Account: true, Items: items, Now: w.now, Real: w.now,
	})
	w.must(err, "Settle")
	return out
}

// cannotQueue fails unless the stand-in points to a lead.
func (w *world) cannotQueue(standIn followup.LeadID, item followup.Item) {
	w.Helper()
	_, err := w.s.Settle(w.ctx, followup.Settlement{
		Tenant: w.tenant, Lead: standIn, Account: true, Items: []followup.Item{item}, Now: w.now, Real: w.now,
	})
	if !errors.Is(err, followup.ErrLeadMoved) {
		w.Errorf("Settle under an imported stand-in: got %v, want ErrLeadMoved", err)
	}
}

// standInTests: events of contacts who are no leads.
func standInTests() []test {
	return []test{
		{"conversations are never mixed", func(w *world) {
			phone, user := newPhone(), newUser()
			ids := []followup.LeadID{
				followup.AccountLead(w.main), followup.GroupLead(w.main, "g1"), followup.GroupLead(w.main, "g2"),
				followup.ContactLead(w.tenant, followup.Identity{Phone: phone}),
				followup.ContactLead(w.tenant, followup.Identity{UserID: user}),
			}
			for range 2 {
				for _, id := range ids {
					w.queue(id, w.message(string(id)))
				}
			}
			got := map[followup.LeadID][]string{}
			for _, d := range w.deliveries() {
				got[d.Lead] = append(got[d.Lead], w.say(d.Events)...)
				w.must(w.finishDelivery(d, delivered), "FinishDelivery")
			}
			for _, id := range ids {
				w.is(got[id], []string{string(id), string(id)}, "events of %s", id)
			}
			w.is(len(got), len(ids), "conversations")
			_, n := w.list(followup.LeadFilter{Limit: 10})
			w.is(n, 0, "leads")
		}},
		{"what waits under a stand-in goes to the lead it becomes", func(w *world) {
			phones := twins[0]
			user := newUser()
			for name, meet := range map[string]struct {
				waits  followup.Identity
				become func(n *world) followup.LeadID
			}{
				"by phone": {followup.Identity{Phone: phones[0]}, func(n *world) followup.LeadID {
					return n.resolve(followup.Identity{Phone: phones[1]})
				}},
				"by user id": {followup.Identity{UserID: user}, func(n *world) followup.LeadID {
					return n.resolve(followup.Identity{UserID: user, Phone: newPhone()})
				}},
				"by an old phone": {followup.Identity{Phone: phones[0]}, func(n *world) followup.LeadID {
					return n.resolve(followup.Identity{UserID: user, OldPhone: phones[0]})
				}},
				"by an identity that a lead learns": {followup.Identity{UserID: user}, func(n *world) followup.LeadID {
					return n.identify(n.lead(), followup.Identity{UserID: user})
				}},
			} {
				n := w.tenantNextDoor()
				seen := n.message("first")
				n.queue(followup.ContactLead(n.tenant, meet.waits), seen)
				n.pass(time.Second)
				lead := meet.become(n)
				n.is(n.settle(lead, seen, n.note("then")).Fresh, []bool{false, true}, "fresh once it is the lead's, %s", name)
				d := n.delivery()
				n.is(d.Lead, lead, "lead of the delivery, %s", name)
				n.is(n.say(d.Events), []string{"first", "then"}, "told, %s", name)
				n.must(n.finishDelivery(d, delivered), "FinishDelivery")
				n.is(len(n.deliveries()), 0, "further deliveries, %s", name)
				l := n.get(lead)
				n.is(len(l.Windows), 0, "windows, %s", name)
				n.said(lead)
			}
		}},
		{"the stand-in's delivery that is out becomes stale", func(w *world) {
			who := followup.Identity{Phone: newPhone()}
			w.queue(followup.ContactLead(w.tenant, who), w.message("out"))
			d := w.delivery()
			w.pass(time.Second)
			lead := w.resolve(who)
			if err := w.finishDelivery(d, delivered); !errors.Is(err, followup.ErrStale) {
				w.Errorf("FinishDelivery: got %v, want ErrStale", err)
			}
			d = w.delivery()
			w.is(d.Lead, lead, "lead of the delivery")
			w.is(w.say(d.Events), []string{"out"}, "told")
		}},
		{"the stand-in's dead letters become the lead's", func(w *world) {
			who := followup.Identity{Phone: newPhone()}
			w.queue(followup.ContactLead(w.tenant, who), w.message("dead"))
			w.must(w.finishDelivery(w.delivery(), rejected), "FinishDelivery")
			w.pass(time.Second)
			lead := w.resolve(who)
			letter := w.letter()
			w.is(letter.Lead, lead, "lead")
			w.must(w.s.ReplayDead(w.ctx, letter.ID, w.now), "ReplayDead")
			w.is(w.told(w.sales), []string{"dead"}, "told")
		}},
		{"a caller that looked before the import settles nothing under the stand-in", func(w *world) {
			for name, meet := range map[string]struct {
				looked followup.Identity
				become func(n *world, who followup.Identity) followup.LeadID
			}{
				"created by that identity": {followup.Identity{Phone: newPhone()}, (*world).resolve},
				"created by more identities": {followup.Identity{UserID: newUser()}, func(n *world, who followup.Identity) followup.LeadID {
					who.Phone = newPhone()
					return n.resolve(who)
				}},
				"found to be a lead's identity": {followup.Identity{UserID: newUser()}, func(n *world, who followup.Identity) followup.LeadID {
					return n.identify(n.lead(), who)
				}},
			} {
				for _, waits := range []bool{false, true} {
					n := w.tenantNextDoor()
					standIn := followup.ContactLead(n.tenant, meet.looked)
					want := []string{"status"}
					if waits {
						n.queue(standIn, n.message("before"))
						want = []string{"before", "status"}
					}
					n.pass(time.Second)
					lead, status := meet.become(n, meet.looked), n.message("status")
					n.is(n.settle(lead, status).Fresh, []bool{true}, "fresh for a caller that looked after, %s", name)
					n.cannotQueue(standIn, status)
					n.is(n.settle(lead, status).Fresh, []bool{false}, "fresh for a caller that looks again, %s", name)
					n.is(n.told(n.sales), want, "told, %s, something waited %t", name, waits)

					n.pass(followup.PointerAge - 2*time.Second)
					n.cannotQueue(standIn, n.message("much later"))
					n.pass(time.Minute)
					n.queue(standIn, n.message("beyond belief"))
					n.is(n.told(n.sales), []string{"beyond belief"}, "told once the pointer has expired")
				}
			}
		}},
		{"what comes after an import is imported, too", func(w *world) {
			who := followup.Identity{Phone: newPhone()}
			standIn := followup.ContactLead(w.tenant, who)
			w.queue(standIn, w.message("1"))
			w.pass(time.Second)
			lead := w.resolve(who)
			w.pass(followup.PointerAge + time.Minute)
			seen := w.message("2")
			w.queue(standIn, seen)
			w.pass(time.Second)
			who.UserID = newUser()
			w.is(w.resolve(who), lead, "the lead, once more identities are known")
			w.is(w.settle(lead, seen).Fresh, []bool{false}, "fresh")
			w.is(w.told(w.sales), []string{"1", "2"}, "told")
		}},
		{"an import does not change the record", func(w *world) {
			who := followup.Identity{Phone: newPhone()}
			lead := w.lead()
			user := newUser()
			w.queue(followup.ContactLead(w.tenant, followup.Identity{UserID: user}), w.message("1"))
			w.is(w.identify(lead, followup.Identity{UserID: user}), lead, "the lead")
			before := w.get(lead)
			standIn := followup.ContactLead(w.tenant, who)
			w.queue(standIn, w.message("2"))
			w.is(w.identify(lead, followup.Identity{OldPhone: who.Phone}), lead, "the lead")
			w.is(w.get(lead), before, "lead, after an import by an old phone")
			if _, err := w.s.Lead(w.ctx, w.tenant, standIn); !errors.Is(err, followup.ErrNotFound) {
				w.Errorf("Lead of a stand-in: got %v, want ErrNotFound", err)
			}
		}},
		{"erasing the lead erases its stand-ins", func(w *world) {
			who := followup.Identity{Phone: newPhone(), UserID: newUser()}
			lead := w.resolve(who)
			byPhone := followup.ContactLead(w.tenant, followup.Identity{Phone: who.Phone})
			byUser := followup.ContactLead(w.tenant, followup.Identity{UserID: who.UserID})
			w.pass(followup.PointerAge + time.Minute)
			w.queue(byUser, w.message("dead"))
			w.must(w.finishDelivery(w.delivery(), rejected), "FinishDelivery")
			seen := w.message("out")
			w.queue(byPhone, seen, w.message("waiting"))
			out := w.delivery()
			w.must(w.s.EraseLead(w.ctx, w.tenant, lead, w.now), "EraseLead")
			if err := w.finishDelivery(out, delivered); !errors.Is(err, followup.ErrStale) {
				w.Errorf("FinishDelivery: got %v, want ErrStale", err)
			}
			w.pass(2 * lease)
			w.is(len(w.deliveries()), 0, "deliveries")
			_, n, err := w.s.DeadLetters(w.ctx, w.tenant, 10, 0)
			w.must(err, "DeadLetters")
			w.is(n, 0, "dead letters")
			// After the erasure, events about the contact belong to no lead and get through.
			for _, id := range []followup.LeadID{byPhone, byUser} {
				w.is(w.queue(id, seen).Fresh, []bool{true}, "fresh after the erasure")
				w.is(w.told(w.sales), []string{"out"}, "told after the erasure")
			}
			w.pass(time.Second)
			again := w.resolve(who)
			w.is(again != lead, true, "a new lead")
			w.is(w.settle(again, seen).Fresh, []bool{false}, "fresh for the new lead")
		}},
		{"an imported stand-in is no tombstone after the erasure", func(w *world) {
			who := followup.Identity{Phone: newPhone()}
			standIn := followup.ContactLead(w.tenant, who)
			w.queue(standIn, w.message("before"))
			w.must(w.s.EraseLead(w.ctx, w.tenant, w.resolve(who), w.now), "EraseLead")
			w.is(w.queue(standIn, w.message("after")).Fresh, []bool{true}, "fresh")
			w.is(w.told(w.sales), []string{"after"}, "told")
		}},
	}
}
