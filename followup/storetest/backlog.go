package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"wagate/followup"
	"wagate/providers"
)

// smallBound is the bound of most tests. A store that grants shares refuses somewhere between the
// bound and twice the bound.
const smallBound = 40

// Backlog tests what the contract says about a store with a bound on the events that wait for an
// assistant. The function open must return a store with the given bound.
func Backlog(t *testing.T, open func(t *testing.T, bound int) followup.Store) {
	t.Helper()
	for _, c := range backlogTests() {
		t.Run(c.name, func(t *testing.T) { c.run(newWorld(t, open(t, smallBound))) })
	}
	t.Run("one lead has a share of the bound", func(t *testing.T) {
		const bound = 12_000
		w := newWorld(t, open(t, bound))
		lead := w.lead()
		waiting := 0
		for ; w.trySettle(lead, w.notes(200)...) == nil; waiting += 200 {
			if waiting > 2*bound {
				w.Fatalf("waiting: got %d events of one lead without a refusal, want one", waiting)
			}
		}
		w.is(waiting, followup.LeadBacklog(bound), "events of one lead")
		w.settle(w.lead(), w.note("another's"))
		w.told(w.sales)
		for range waiting / 600 {
			w.deadLetter(lead, w.notes(600)...)
		}
		w.refused(lead, "of one lead, in dead letters", w.note("x"))
		w.settle(w.lead(), w.note("another's again"))
	})
}

// trySettle settles items and returns the error if they are refused.
func (w *world) trySettle(lead followup.LeadID, items ...followup.Item) error {
	w.Helper()
	_, err := w.s.Settle(w.ctx, followup.Settlement{
		Tenant: w.tenant, Lead: lead, Items: items, Now: w.now, Real: w.now,
	})
	if err != nil && !errors.Is(err, followup.ErrBacklog) {
		w.Fatalf("Settle: got error %v, want none or ErrBacklog", err)
	}
	return err
}

func (w *world) notes(n int) []followup.Item {
	items := make([]followup.Item, n)
	for i := range items {
		items[i] = w.note(fmt.Sprint("note ", i))
	}
	return items
}

// fill settles one event after the other until one is refused, and returns how many were taken.
func (w *world) fill(lead followup.LeadID) (waiting int) {
	w.Helper()
	for w.trySettle(lead, w.note("filling")) == nil {
		waiting++
		if waiting > 2*smallBound {
			w.Fatalf("waiting: got %d events without a refusal, want one", waiting)
		}
	}
	return waiting
}

func (w *world) refused(lead followup.LeadID, what string, items ...followup.Item) {
	w.Helper()
	if err := w.trySettle(lead, items...); err == nil {
		w.Errorf("%s: got it settled, want ErrBacklog", what)
	}
}

// deadLetter settles items, turns them into one dead letter and returns its id.
func (w *world) deadLetter(lead followup.LeadID, items ...followup.Item) string {
	w.Helper()
	w.settle(lead, items...)
	ds, _ := w.claimDeliveries(1, len(items))
	w.is(len(ds), 1, "deliveries")
	w.is(len(ds[0].Events), len(items), "events of the delivery")
	w.must(w.finishDelivery(ds[0], func(f *followup.FinishDelivery) { f.Dead = "rejected" }), "FinishDelivery")
	letters, _, err := w.s.DeadLetters(w.ctx, w.tenant, 1, 0)
	w.must(err, "DeadLetters")
	return letters[0].ID
}

func backlogTests() []test {
	return []test{
		{"refused at the bound, and taken once there is room", func(w *world) {
			lead := w.lead()
			w.is(w.fill(lead), smallBound, "events of one lead")
			late := w.note("late")
			w.refused(lead, "one more", late)
			w.must(w.finishDelivery(w.delivery(), delivered), "FinishDelivery")
			w.is(w.settle(lead, late).Fresh, []bool{true}, "fresh")
			w.is(w.settle(lead, late).Fresh, []bool{false}, "fresh, once there is room")
			told := w.told(w.sales)
			w.is(told[len(told)-1], "late", "told last")
		}},
		{"events of many leads are refused at twice the bound at the latest", func(w *world) {
			var leads []followup.LeadID
			for range smallBound {
				leads = append(leads, w.lead())
			}
			waiting := 0
			for more := true; more && waiting <= 2*smallBound; {
				more = false
				for _, lead := range leads {
					if w.trySettle(lead, w.note("x")) == nil {
						waiting++
						more = true
					}
				}
			}
			w.is(waiting >= smallBound && waiting <= 2*smallBound, true, "%d waiting events are one to two bounds", waiting)
			for _, lead := range leads {
				w.refused(lead, "one more", w.note("y"))
			}
			w.is(len(w.told(w.sales)), waiting, "told")
		}},
		{"a refused settlement has no effect", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			w.fill(lead)
			first, stop := w.opening(), w.message("hi")
			stop.OptOut = new(true)
			w.refused(lead, "a message behind an item without Relay", first, stop)
			l := w.get(lead)
			w.is(l.Windows[w.main].LastInbound.IsZero(), true, "no window")
			w.is(l.OptedOut, false, "OptedOut")
			w.is(w.run(run).State, followup.RunArmed, "run")
			w.said(lead)
			w.is(w.settle(lead, first).Fresh, []bool{true}, "the item without Relay, alone")
		}},
		{"items without Relay are settled", func(w *world) {
			lead := w.lead()
			known := w.note("known")
			w.settle(lead, known)
			a := w.guardSend(lead, false).Attempt
			w.fill(lead)
			w.is(w.settle(lead, known, w.opening()).Fresh, []bool{false, true}, "a duplicate, and one without Relay")
			w.settle(lead, w.receipt(a, providers.StatusFailed, providers.OptedOut))
			w.is(w.get(lead).OptedOut, true, "OptedOut by a receipt")
			w.refused(lead, "a duplicate with a fresh one", known, w.note("fresh"))
		}},
		{"another assistant's events are taken", func(w *world) {
			lead := w.lead()
			w.fill(lead)
			other, both := w.note("other"), w.note("in one with what is refused")
			other.Assistant, both.Assistant = w.support, w.support
			w.refused(lead, "both in one", both, w.note("one"))
			w.settle(lead, other)
			w.is(w.told(w.support), []string{"other"}, "told")
		}},
		{"happenings are never refused", func(w *world) {
			lead := w.lead()
			n := w.fill(lead)
			run := w.start(lead)
			_, err := w.s.Cancel(w.ctx, w.tenant, run, w.now, w.now)
			w.must(err, "Cancel")
			w.start(lead)
			c, a := w.sending()
			w.finish(w.result(c, a))
			told := w.told(w.sales)
			w.is(told[n:], []string{
				"scheduled 1", "cancelled 1 cancelled/api", "scheduled 1", "sent 1 sent/template", "scheduled 2",
			}, "told after the rest")
		}},
		{"a settlement that finds room is taken whole", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.notes(3*smallBound)...)
			w.refused(lead, "one more", w.note("more"))
			w.is(len(w.told(w.sales)), 3*smallBound, "told")
		}},
		{"an event counts as long as it waits", func(w *world) {
			lead := w.lead()
			half := smallBound / 2
			w.settle(lead, w.notes(half)...)
			ds, _ := w.claimDeliveries(1, half)
			w.must(w.finishDelivery(ds[0], func(f *followup.FinishDelivery) { f.Dead = "rejected" }), "FinishDelivery")
			letters, _, err := w.s.DeadLetters(w.ctx, w.tenant, 1, 0)
			w.must(err, "DeadLetters")
			w.is(w.fill(lead), half, "beside a dead letter")
			w.must(w.s.ReplayDead(w.ctx, letters[0].ID, w.now), "ReplayDead")
			w.refused(lead, "with the dead letter replayed", w.note("x"))
			// Events that are out, or that are to be tried again, still wait.
			ds, _ = w.claimDeliveries(1, half)
			w.is(len(ds), 1, "deliveries")
			w.refused(lead, "while the first are out", w.note("x"))
			w.must(w.finishDelivery(ds[0], func(f *followup.FinishDelivery) { f.Release = true }), "FinishDelivery")
			w.refused(lead, "once they are given back", w.note("x"))
			ds, _ = w.claimDeliveries(1, half)
			w.must(w.finishDelivery(ds[0], delivered), "FinishDelivery")
			w.is(w.fill(lead), half, "room once the first are delivered")
			run := w.start(lead)
			w.is(w.run(run).State, followup.RunArmed, "run")
			w.must(w.s.EraseLead(w.ctx, w.tenant, lead, w.now), "EraseLead")
			w.is(w.fill(w.lead()), smallBound, "once the lead is erased")
		}},
		{"dead letters count until they are dropped", func(w *world) {
			lead := w.lead()
			first := w.deadLetter(lead, w.note("first"))
			w.is(w.fill(lead), smallBound-1, "beside one event")
			w.must(w.s.DropDead(w.ctx, first), "DropDead")
			w.is(w.fill(lead), 1, "once it is dropped")
			w.told(w.sales)
			for range smallBound / 4 {
				w.deadLetter(lead, w.notes(4)...)
			}
			w.refused(lead, "an assistant that takes nothing", w.note("x"))
			other := w.note("other")
			other.Assistant = w.support
			w.settle(lead, other)
			w.must(w.s.EraseLead(w.ctx, w.tenant, lead, w.now), "EraseLead")
			w.is(w.fill(w.lead()), smallBound, "once the lead is erased")
		}},
		{"dead letters go with a lead that is merged", func(w *world) {
			older, younger, join := w.two()
			of := w.deadLetter(younger, w.notes(smallBound-2)...)
			w.deadLetter(older, w.note("older"))
			join()
			w.is(w.fill(older), 1, "beside the letters of both")
			letters, _, err := w.s.DeadLetters(w.ctx, w.tenant, 5, 0)
			w.must(err, "DeadLetters")
			for _, d := range letters {
				if d.Count > 1 {
					of = d.ID
				}
			}
			w.must(w.s.DropDead(w.ctx, of), "DropDead")
			w.is(w.fill(older), smallBound-2, "once the merged lead's is dropped")
		}},
		{"dead letters of an assistant that was another tenant's are not the new one's", func(w *world) {
			lead := w.lead()
			w.deadLetter(lead, w.notes(smallBound)...)
			w.refused(lead, "of the tenant", w.note("x"))
			before := w.tenant
			w.tenant = followup.TenantID(uuid.NewString())
			lead = w.lead()
			w.is(w.fill(lead), smallBound, "of another")
			w.must(w.s.EraseLead(w.ctx, w.tenant, lead, w.now), "EraseLead")
			w.tenant = before
		}},
		{"a merge brings the waiting events and is not refused", func(w *world) {
			older, younger, join := w.two()
			most := smallBound - 10
			w.settle(older, w.notes(10)...)
			w.settle(younger, w.notes(most)...)
			join()
			w.refused(older, "one more than both had", w.note("x"))
			w.is(len(w.told(w.sales)), smallBound, "told")
			w.is(w.fill(older), smallBound, "room once all is delivered")
		}},
		{"happenings of a merged lead's last step count as the winner's", func(w *world) {
			older, younger, join := w.two()
			w.start(younger)
			c, a := w.sending()
			w.told(w.sales)
			join()
			w.settle(older, w.notes(smallBound-2)...)
			w.finish(w.result(c, a)) // tells the outcomes sent and cancelled
			w.refused(older, "one more", w.note("x"))
			w.is(len(w.told(w.sales)), smallBound, "told")
			w.is(w.fill(older), smallBound, "room once all is delivered")
		}},
		{"Stats reports the backlog", func(w *world) {
			backlog := func() int {
				st, err := w.s.Stats(w.ctx, w.now, w.now)
				w.must(err, "Stats")
				return st.RelayBacklog
			}
			one, two := w.lead(), w.lead()
			before := backlog() // other tests may share the store
			w.settle(one, w.notes(before+1)...)
			other := w.note("other")
			other.Assistant = w.support
			w.settle(one, other)
			w.is(backlog(), before+1, "of one lead")
			w.must(w.trySettle(two, w.note("two")), "Settle")
			w.is(backlog(), before+2, "of two leads")
			w.told(w.sales)
			w.pass(time.Second)
			w.is(backlog() <= max(before, 1), true, "once all is delivered")
			w.deadLetter(one, w.notes(before+2)...)
			w.settle(one, w.note("waits"))
			st, err := w.s.Stats(w.ctx, w.now, w.now)
			w.must(err, "Stats")
			w.is([]int{st.RelayBacklog, st.RelayBacklogDead}, []int{before + 3, before + 2}, "waiting, and of these in a dead letter")
		}},
	}
}
