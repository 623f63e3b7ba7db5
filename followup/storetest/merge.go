package storetest

import (
	"errors"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// two makes two leads that turn out to be one. The older is known by phone, the younger by user id;
// join tells the store that they are one.
func (w *world) two() (older, younger followup.LeadID, join func()) {
	w.Helper()
	phone, user := newPhone(), newUser()
	older = w.resolve(followup.Identity{Phone: phone})
	w.pass(time.Second)
	younger = w.resolve(followup.Identity{UserID: user})
	w.is(older != younger, true, "two leads")
	return older, younger, func() {
		w.Helper()
		w.is(w.resolve(followup.Identity{UserID: user, Phone: phone}), older, "the winner, which is the older")
		w.is(w.resolve(followup.Identity{UserID: user}), older, "by the user id, afterwards")
		w.is(w.resolve(followup.Identity{Phone: phone}), older, "by the phone, afterwards")
	}
}

// mergeTests: two leads that are found to be one.
func mergeTests() []test {
	return []test{
		{"the loser's id has moved", func(w *world) {
			_, younger, join := w.two()
			old := w.get(younger)
			join()
			_, err := w.s.Settle(w.ctx, followup.Settlement{
				Tenant: w.tenant, Lead: younger, Items: []followup.Item{w.message("hi")}, Now: w.now, Real: w.now,
			})
			w.is(moved(err), true, "Settle (%v)", err)
			_, err = w.s.PutLead(w.ctx, followup.PutLead{Lead: old, Now: w.now, Real: w.now})
			w.is(moved(err), true, "PutLead (%v)", err)
			_, _, err = w.s.Start(w.ctx, w.tenant, younger, w.arm(), false, w.now, w.now)
			w.is(moved(err), true, "Start (%v)", err)
			w.is(w.guardSend(younger, false).Refusal, followup.RefusedLeadMoved, "GuardSend")
			_, n := w.list(followup.LeadFilter{Limit: 10})
			w.is(n, 1, "leads")
		}},
		{"the winner's record is filled in", func(w *world) {
			older, younger, join := w.two()
			w.edit(older, func(l *followup.Lead) { l.Name, l.StatusID = "Ana", "one" })
			w.edit(younger, func(l *followup.Lead) { l.Name, l.Email, l.OptedOut = "Other", "a@example.com", true })
			user := w.get(younger).UserID
			join()
			l := w.get(older)
			w.is([]string{l.Name, l.Email, l.StatusID, l.UserID}, []string{"Ana", "a@example.com", "one", user}, "fields")
			w.is(l.OptedOut, true, "OptedOut")
		}},
		{"the later window is kept", func(w *world) {
			older, younger, join := w.two()
			w.settle(older, w.opening())
			w.pass(time.Minute)
			on2 := w.opening()
			on2.Channel = w.second
			w.settle(older, on2)
			w.settle(younger, w.opening())
			latest := w.now
			on2 = w.opening()
			on2.Channel, on2.At = w.second, w.now.Add(-time.Hour)
			w.settle(younger, on2)
			join()
			w.at(w.get(older).Windows[w.main].LastInbound, latest, "main, where the loser's was later")
			w.at(w.get(older).Windows[w.second].LastInbound, latest, "second, where the winner's was later")
			w.is(w.guardSend(older, true).Refusal, followup.Allowed, "free-form")
		}},
		{"histories are merged by time", func(w *world) {
			older, younger, join := w.two()
			for i, text := range []string{"1", "2", "3", "4"} {
				w.settle([]followup.LeadID{older, younger}[i%2], w.message(text))
				w.pass(time.Second)
			}
			join()
			w.said(older, "1", "2", "3", "4")
		}},
		{"what the loser saw is a duplicate for the winner", func(w *world) {
			older, younger, join := w.two()
			m := w.message("hi")
			w.settle(younger, m)
			join()
			w.is(w.settle(older, m).Fresh, []bool{false}, "fresh")
		}},
		{"the loser's runs end, those of the winner go on", func(w *world) {
			older, younger, join := w.two()
			kept, lost := w.start(older), w.start(younger)
			w.pass(interval)
			for _, c := range w.claims() {
				if c.Run.ID == lost {
					defer w.stale(c, "")
				}
			}
			join()
			w.ended(lost, followup.Merged)
			w.timeline(lost, "1 cancelled/merged")
			w.is(w.run(kept).State, followup.RunClaimed, "winner's run")
		}},
		{"an imported opt-out ends the winner's runs", func(w *world) {
			older, younger, join := w.two()
			run := w.start(older)
			out := w.item()
			out.OptOut = new(true)
			w.settle(younger, out)
			join()
			w.ended(run, followup.OptedOut)
		}},
		{"a step of the loser in sending is still recorded", func(w *world) {
			_, younger, join := w.two()
			run := w.start(younger)
			c, a := w.sending()
			join()
			w.told(w.sales)
			w.finish(w.result(c, a))
			w.ended(run, followup.Merged)
			w.timeline(run, "1 sent/template")
			w.is(w.told(w.sales), []string{"sent 1 sent/template", "cancelled 1 null/merged"}, "told")
		}},
		{"what the result of the loser's step says about the lead, it says about the winner", func(w *world) {
			older, younger, join := w.two()
			w.settle(younger, w.opening())
			run := w.start(younger)
			c, a := w.sending()
			join()
			kept := w.start(older)
			w.pass(time.Second)
			f := w.result(c, a)
			f.CloseWindow, f.OptOut = true, true
			w.finish(f)
			w.ended(run, followup.Merged)
			w.timeline(run, "1 sent/template")
			w.said(older, "hello")
			got := w.get(older)
			w.at(got.Windows[w.main].UsedAt, w.now, "UsedAt")
			w.is(got.Windows[w.main].Refused, true, "Refused")
			w.is(got.OptedOut, true, "OptedOut")
			w.ended(kept, followup.OptedOut)
			w.stale(c, a)
			w.said(older, "hello")
		}},
		{"a window that the winner opened since stays open", func(w *world) {
			older, younger, join := w.two()
			w.settle(younger, w.opening())
			w.start(younger)
			c, a := w.sending()
			join()
			w.pass(time.Second)
			w.settle(older, w.opening())
			f := w.result(c, a)
			f.CloseWindow = true
			w.finish(f)
			w.is(w.get(older).Windows[w.main].Refused, false, "Refused")
		}},
		{"a result for a merged lead that was erased is refused", func(w *world) {
			older, younger, join := w.two()
			w.start(younger)
			c, a := w.sending()
			join()
			w.must(w.s.EraseLead(w.ctx, w.tenant, older, w.now), "EraseLead")
			if _, err := w.s.FinishStep(w.ctx, w.result(c, a)); !errors.Is(err, followup.ErrStale) {
				w.Errorf("FinishStep: got %v, want ErrStale", err)
			}
		}},
		{"a receipt for the loser's step is settled to the winner", func(w *world) {
			older, younger, join := w.two()
			run := w.start(younger)
			c, a := w.sending()
			f := w.result(c, a)
			f.Outcome, f.Reason, f.Next = followup.Uncertain, followup.NoAnswer, -1
			w.finish(f)
			join()
			w.told(w.sales)
			got := w.settle(older, w.receipt(a, providers.StatusDelivered, ""))
			w.is(got.Corrections, []followup.Correction{{Run: run, Step: 1, From: followup.Uncertain, To: followup.Sent}}, "corrections")
			w.timeline(run, "1 uncertain/no_answer → sent")
			w.is(w.told(w.sales), []string{"settled 1 sent/template"}, "told")
		}},
		{"waiting events come before the event that merged the leads", func(w *world) {
			older, younger, join := w.two()
			w.settle(older, w.note("older"))
			w.settle(younger, w.note("younger 1"), w.note("younger 2"))
			join()
			w.settle(older, w.note("after"))
			d := w.delivery()
			w.is(d.Lead, older, "lead of the delivery")
			w.must(w.finishDelivery(d, func(f *followup.FinishDelivery) { f.Release = true }), "FinishDelivery")
			w.is(w.told(w.sales), []string{"older", "younger 1", "younger 2", "after"}, "told")
		}},
		{"the loser's delivery that is out becomes stale", func(w *world) {
			_, younger, join := w.two()
			w.settle(younger, w.note("out"), w.note("out too"))
			d := w.delivery()
			join()
			w.is(w.finishDelivery(d, delivered) != nil, true, "FinishDelivery refused")
			w.is(w.told(w.sales), []string{"out", "out too"}, "told")
		}},
		{"dead letters become the winner's", func(w *world) {
			older, younger, join := w.two()
			w.settle(younger, w.note("dead"))
			w.must(w.finishDelivery(w.delivery(), rejected), "FinishDelivery")
			join()
			letter := w.letter()
			w.is(letter.Lead, older, "lead")
			w.must(w.s.ReplayDead(w.ctx, letter.ID, w.now), "ReplayDead")
			w.is(w.told(w.sales), []string{"dead"}, "told")
		}},
		{"one Resolve merges three leads", func(w *world) {
			who := followup.Identity{Phone: newPhone(), UserID: newUser(), ExternalID: "crm-7"}
			first := w.resolve(followup.Identity{ExternalID: who.ExternalID})
			w.pass(time.Second)
			w.resolve(followup.Identity{Phone: who.Phone})
			w.pass(time.Second)
			w.resolve(followup.Identity{UserID: who.UserID})
			w.is(w.resolve(who), first, "the oldest")
			for _, one := range []followup.Identity{{Phone: who.Phone}, {UserID: who.UserID}} {
				w.is(w.resolve(one), first, "by %+v", one)
			}
			_, n := w.list(followup.LeadFilter{Limit: 10})
			w.is(n, 1, "leads")
		}},
		{"erasing the last winner erases what came from the first loser", func(w *world) {
			oldest := w.resolve(followup.Identity{ExternalID: "crm-1"})
			w.pass(time.Second)
			older, younger, join := w.two()
			run := w.start(younger)
			phone := w.get(older).Phone
			join()
			w.is(w.resolve(followup.Identity{Phone: phone, ExternalID: "crm-1"}), oldest, "the last winner")
			w.must(w.s.EraseLead(w.ctx, w.tenant, oldest, w.now), "EraseLead")
			if _, err := w.s.Run(w.ctx, w.tenant, run); err == nil {
				w.Error("Run of the first loser: got a run, want ErrNotFound")
			}
		}},
		{"erasing the winner erases what came from the loser", func(w *world) {
			older, younger, join := w.two()
			run := w.start(younger)
			join()
			w.must(w.s.EraseLead(w.ctx, w.tenant, older, w.now), "EraseLead")
			if _, err := w.s.Run(w.ctx, w.tenant, run); err == nil {
				w.Error("Run of the loser: got a run, want ErrNotFound")
			}
		}},
	}
}
