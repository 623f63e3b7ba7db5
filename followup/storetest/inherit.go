package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// inheritTests: what exactly the winner of a merge takes over from the loser.
func inheritTests() []test {
	failed := func(w *world, a followup.AttemptID, kind providers.ErrorKind) followup.Item {
		return w.receipt(a, providers.StatusFailed, kind)
	}
	return []test{
		{"of two leads of the same age, the smaller id wins", func(w *world) {
			phone, user := newPhone(), newUser()
			a, b := w.resolve(followup.Identity{Phone: phone}), w.resolve(followup.Identity{UserID: user})
			w.is(w.resolve(followup.Identity{Phone: phone, UserID: user}), min(a, b), "winner")
		}},
		{"a merge is a change of the winner's record", func(w *world) {
			older, _, join := w.two()
			old := w.get(older)
			join()
			if _, err := w.s.PutLead(w.ctx, followup.PutLead{Lead: old, Now: w.now, Real: w.now}); !errors.Is(err, followup.ErrConflict) {
				w.Errorf("PutLead of a lead read before the merge: got %v, want ErrConflict", err)
			}
		}},
		{"custom fields are joined by key", func(w *world) {
			older, younger, join := w.two()
			w.edit(older, func(l *followup.Lead) {
				l.CustomFields = map[string]any{"plan": "gold", "invoice": json.Number("12345678901234567")}
			})
			w.edit(younger, func(l *followup.Lead) {
				l.CustomFields = map[string]any{
					"plan": "blue", "order": json.Number("76543210987654321"), "tags": []any{"a<b", json.Number("1.10")},
				}
			})
			join()
			w.is(w.get(older).CustomFields, map[string]any{
				"plan": "gold", "invoice": json.Number("12345678901234567"),
				"order": json.Number("76543210987654321"), "tags": []any{"a<b", json.Number("1.10")},
			}, "custom fields")
		}},
		{"custom fields stay within the bounds of a record", func(w *world) {
			older, younger, join := w.two()
			ours := map[string]any{}
			for i := range followup.MaxFields - 1 {
				ours[fmt.Sprint("k", i)] = true
			}
			w.edit(older, func(l *followup.Lead) { l.CustomFields = ours })
			w.edit(younger, func(l *followup.Lead) { l.CustomFields = map[string]any{"x": "1", "y": "2", "k0": false} })
			join()
			want := maps.Clone(ours)
			want["x"] = "1"
			w.is(w.get(older).CustomFields, want, "custom fields")
		}},
		{"the later CRM time is kept", func(w *world) {
			for _, first := range []bool{true, false} {
				older, younger, join := w.two()
				w.edit(older, func(l *followup.Lead) { l.CRMAt = w.now.Add(-time.Hour) })
				w.edit(younger, func(l *followup.Lead) { l.CRMAt = w.now.Add(-time.Hour) })
				late := map[bool]followup.LeadID{true: older, false: younger}[first]
				w.edit(late, func(l *followup.Lead) { l.CRMAt = w.now.Add(-time.Minute) })
				join()
				w.at(w.get(older).CRMAt, w.now.Add(-time.Minute), "CRMAt")
			}
		}},
		{"a refusal goes with its window", func(w *world) {
			for _, row := range []struct {
				name         string
				older, young time.Duration // how long before now each lead wrote; 0: never
				want         bool
			}{
				{"the loser's window is later", 2 * time.Minute, time.Minute, true},
				{"the winner's window is later", time.Minute, 2 * time.Minute, false},
				{"the windows are the same", time.Minute, time.Minute, false},
				{"only the loser has a window", 0, time.Minute, true},
				{"the loser never wrote, and was sent to", 0, 0, true},
			} {
				older, younger, join := w.two()
				write := func(lead followup.LeadID, ago time.Duration) {
					if ago > 0 {
						it := w.opening()
						it.At = w.now.Add(-ago)
						w.settle(lead, it)
					}
				}
				write(older, row.older)
				write(younger, row.young)
				w.recordSend(younger, w.guardSend(younger, false).Attempt, func(r *followup.RecordSend) { r.CloseWindow = true })
				join()
				w.is(w.get(older).Windows[w.main].Refused, row.want, "Refused when %s", row.name)
			}
		}},
		{"the later UsedAt is kept, whichever window is later", func(w *world) {
			for _, first := range []bool{true, false} {
				older, younger, join := w.two()
				leads := []followup.LeadID{older, younger}
				if !first {
					leads = []followup.LeadID{younger, older}
				}
				w.settle(leads[0], w.opening())
				w.pass(time.Second)
				w.settle(leads[1], w.echo())
				used := w.now
				w.pass(time.Second)
				join()
				w.at(w.get(older).Windows[w.main].UsedAt, used, "UsedAt")
			}
		}},
		{"what either lead saw is a duplicate", func(w *world) {
			older, younger, join := w.two()
			m, n := w.item(), w.item()
			w.settle(older, m)
			w.settle(younger, n)
			join()
			w.is(w.settle(older, m, n).Fresh, []bool{false, false}, "fresh")
		}},
		{"of messages of one instant, the winner's come first", func(w *world) {
			older, younger, join := w.two()
			for _, text := range []string{"1", "2"} {
				w.settle(younger, w.message("loser "+text))
				w.settle(older, w.message("winner "+text))
			}
			join()
			w.said(older, "winner 1", "winner 2", "loser 1", "loser 2")
		}},
		{"a history that only the winner has stays as it came", func(w *world) {
			older, younger, join := w.two()
			late := w.message("2, late")
			late.Entry.At = w.now.Add(-time.Hour)
			w.settle(older, w.message("1"), late)
			w.settle(younger, w.opening())
			join()
			w.said(older, "1", "2, late")
		}},
		{"a history that only the loser has is taken over", func(w *world) {
			older, younger, join := w.two()
			w.settle(younger, w.message("1"), w.message("2"))
			join()
			w.said(older, "1", "2")
		}},
		{"a receipt about the loser's message opts the winner out, and closes its window", func(w *world) {
			older, younger, join := w.two()
			w.settle(younger, w.opening())
			a, b := w.guardSend(younger, true).Attempt, w.guardSend(younger, true).Attempt
			join()
			w.settle(older, failed(w, a, providers.WindowClosed))
			w.is(w.get(older).Windows[w.main].Refused, true, "Refused")
			w.settle(older, failed(w, b, providers.OptedOut))
			w.is(w.get(older).OptedOut, true, "OptedOut")
		}},
		{"a receipt about the loser's step leaves the winner's run of the same number alone", func(w *world) {
			older, younger, join := w.two()
			lost := w.start(younger)
			c, a := w.sending()
			f := w.result(c, a)
			f.Next = -1
			w.finish(f)
			kept := w.start(older)
			w.is(kept.N(), lost.N(), "numbers of the runs")
			join()
			w.settle(older, failed(w, a, providers.Undeliverable))
			w.is(w.run(kept).State, followup.RunArmed, "state of the winner's run")
			w.timeline(kept, "1 …")
			w.timeline(lost, "1 sent/template → failed")
		}},
		{"a delivery of the winner that is out stays the only one", func(w *world) {
			older, younger, join := w.two()
			w.settle(older, w.note("out"))
			d := w.delivery()
			w.settle(younger, w.note("waiting"))
			join()
			w.is(len(w.deliveries()), 0, "deliveries while one is out")
			w.must(w.finishDelivery(d, delivered), "FinishDelivery")
			w.is(w.told(w.sales), []string{"waiting"}, "told after")
		}},
		{"the loser's waiting events are erased with the winner", func(w *world) {
			older, younger, join := w.two()
			w.settle(younger, w.note("waiting"))
			join()
			w.must(w.s.EraseLead(w.ctx, w.tenant, older, w.now), "EraseLead")
			w.is(len(w.deliveries()), 0, "deliveries")
		}},
		{"happenings of the loser's last step are erased with the winner, waiting or dead", func(w *world) {
			for _, dead := range []bool{false, true} {
				older, younger, join := w.two()
				w.start(younger)
				c, a := w.sending()
				join()
				w.told(w.sales)
				w.finish(w.result(c, a))
				if dead {
					d := w.delivery()
					w.is(d.Lead, older, "lead of the delivery")
					w.must(w.finishDelivery(d, rejected), "FinishDelivery")
				}
				w.must(w.s.EraseLead(w.ctx, w.tenant, older, w.now), "EraseLead")
				w.is(len(w.deliveries()), 0, "deliveries")
				list, _, err := w.s.DeadLetters(w.ctx, w.tenant, 10, 0)
				w.must(err, "DeadLetters")
				w.is(len(list), 0, "letters")
			}
		}},
		{"a replayed dead letter of the loser is erased with the winner", func(w *world) {
			older, younger, join := w.two()
			w.settle(younger, w.note("dead"))
			w.must(w.finishDelivery(w.delivery(), rejected), "FinishDelivery")
			join()
			w.must(w.s.ReplayDead(w.ctx, w.letter().ID, w.now), "ReplayDead")
			w.must(w.s.EraseLead(w.ctx, w.tenant, older, w.now), "EraseLead")
			w.is(len(w.deliveries()), 0, "deliveries")
		}},
		{"no window is counted twice", func(w *world) {
			count := func() int {
				st, err := w.s.Stats(w.ctx, w.now, w.now)
				w.must(err, "Stats")
				return st.WindowsOpen
			}
			older, younger, join := w.two()
			before := count()
			w.settle(older, w.opening())
			w.settle(younger, w.opening())
			w.is(count(), before+2, "windows of two")
			join()
			w.is(count(), before+1, "windows of one")
			w.must(w.s.EraseLead(w.ctx, w.tenant, older, w.now), "EraseLead")
			w.is(count(), before, "windows of none")
		}},
		{"when the winner is merged, too, everything comes to the last winner", func(w *world) {
			oldest := w.resolve(followup.Identity{ExternalID: "crm-1"})
			w.pass(time.Second)
			phone, user := newPhone(), newUser()
			older := w.resolve(followup.Identity{Phone: phone})
			w.pass(time.Second)
			younger := w.resolve(followup.Identity{UserID: user})
			m := w.message("1")
			w.settle(younger, m)
			run := w.start(younger)
			c, a := w.sending()
			w.is(w.resolve(followup.Identity{Phone: phone, UserID: user}), older, "the first winner")
			w.is(w.resolve(followup.Identity{Phone: phone, ExternalID: "crm-1"}), oldest, "the second")
			w.is(w.resolve(followup.Identity{UserID: user}), oldest, "by the first loser's identity")
			w.said(oldest, "1")
			w.is(w.settle(oldest, m).Fresh, []bool{false}, "fresh")
			w.finish(w.result(c, a))
			w.settle(oldest, failed(w, a, providers.OptedOut))
			w.is(w.get(oldest).OptedOut, true, "OptedOut by a receipt about the first loser's step")
			w.timeline(run, "1 sent/template → failed")
		}},
		{"a loser's happenings reach each winner in turn", func(w *world) {
			oldest := w.resolve(followup.Identity{ExternalID: "crm-1"})
			w.pass(time.Second)
			older, younger, join := w.two()
			phone := w.get(older).Phone
			w.start(younger)
			c, a := w.sending()
			join()
			w.finish(w.result(c, a))
			w.told(w.sales)
			w.is(w.resolve(followup.Identity{Phone: phone, ExternalID: "crm-1"}), oldest, "the second winner")
			w.settle(oldest, failed(w, a, providers.Unknown))
			w.is(w.told(w.sales), []string{"settled 1 failed/unknown"}, "told")
		}},
		{"receipts about the loser's step keep their ranks", func(w *world) {
			older, younger, join := w.two()
			run := w.start(younger)
			c, a := w.sending()
			f := w.result(c, a)
			f.Outcome, f.Reason, f.Next = followup.Uncertain, followup.NoAnswer, -1
			w.finish(f)
			join()
			w.settle(older, w.receipt(a, providers.StatusDelivered, ""))
			w.settle(older, failed(w, a, providers.Unknown))
			w.settle(older, w.receipt(younger.Attempt(99), providers.StatusDelivered, ""))
			w.timeline(run, "1 uncertain/no_answer → sent")
		}},
	}
}
