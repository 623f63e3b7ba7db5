package storetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"wagate/followup"
)

// onceTests: an event takes effect once.
func onceTests() []test {
	return []test{
		{"a duplicate has no effect", func(w *world) {
			lead := w.lead()
			m := w.message("hi")
			w.is(w.settle(lead, m).Fresh, []bool{true}, "first")
			run := w.start(lead)
			w.is(w.settle(lead, m).Fresh, []bool{false}, "second")
			w.is(w.run(run).State, followup.RunArmed, "run after the duplicate of a reply")
			w.said(lead, "hi")
			w.is(w.told(w.sales), []string{"hi", "scheduled 1"}, "told")
		}},
		{"a duplicate in a batch leaves its neighbours alone", func(w *world) {
			lead := w.lead()
			a, b := w.message("a"), w.message("b")
			w.is(w.settle(lead, a, a, b, a).Fresh, []bool{true, false, true, false}, "fresh")
			w.said(lead, "a", "b")
			w.is(w.settle(lead, b, w.message("c"), a).Fresh, []bool{false, true, false}, "fresh, next batch")
			w.said(lead, "a", "b", "c")
		}},
		{"first sights are per lead", func(w *world) {
			m := w.message("hi")
			w.is(w.settle(w.lead(), m).Fresh, []bool{true}, "one lead")
			w.is(w.settle(w.lead(), m).Fresh, []bool{true}, "another lead")
		}},
		{"an item without an id is always fresh", func(w *world) {
			lead := w.lead()
			m := w.message("hi")
			m.DedupID = ""
			w.is(w.settle(lead, m, m).Fresh, []bool{true, true}, "fresh")
		}},
		{"ids of any length and content are told apart", func(w *world) {
			lead := w.lead()
			var items []followup.Item
			for _, id := range []string{"a", "b", "ab", "ba", "a\x00", "á", "wamid.AAAA|read", "wamid.AAAA|sent", "wamid.AAAA"} {
				it := w.item()
				it.DedupID = id
				items = append(items, it)
			}
			for i, fresh := range w.settle(lead, items...).Fresh {
				w.is(fresh, true, "id %q", items[i].DedupID)
			}
			for i, fresh := range w.settle(lead, items...).Fresh {
				w.is(fresh, false, "id %q again", items[i].DedupID)
			}
		}},
		{"a first sight is remembered for DedupAge of real time", func(w *world) {
			lead := w.lead()
			m := w.message("hi")
			w.settle(lead, m)
			w.pass(followup.DedupAge)
			w.settle(lead, w.message("later"))
			w.is(w.settle(lead, m).Fresh, []bool{false}, "at DedupAge")
			const retries = 7 * 24 * time.Hour // how long Meta retries
			w.is(followup.DedupAge >= retries+12*time.Hour, true, "DedupAge is at least Meta's retries and 12 hours")
		}},
		{"one of many at once is fresh", func(w *world) {
			lead := w.lead()
			m := w.message("hi")
			var fresh atomic.Int32
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					out, err := w.s.Settle(w.ctx, followup.Settlement{
						Tenant: w.tenant, Lead: lead, Items: []followup.Item{m}, Now: w.now, Real: w.now,
					})
					if err != nil {
						w.Errorf("Settle: got error %v, want none", err)
						return
					}
					if out.Fresh[0] {
						fresh.Add(1)
					}
				})
			}
			wg.Wait()
			w.is(fresh.Load(), int32(1), "fresh sights")
			w.said(lead, "hi")
			w.is(w.told(w.sales), []string{"hi"}, "told")
		}},
		{"account events: dedup and relay, nothing else", func(w *world) {
			id := followup.AccountLead(w.main)
			st := followup.Settlement{
				Tenant: w.tenant, Lead: id, Account: true, Items: []followup.Item{w.message("notice")}, Now: w.now, Real: w.now,
			}
			for _, want := range []bool{true, false} {
				out, err := w.s.Settle(w.ctx, st)
				w.must(err, "Settle")
				w.is(out.Fresh, []bool{want}, "fresh")
			}
			d := w.delivery()
			w.is(d.Lead, id, "lead of the delivery")
			w.is(w.say(d.Events), []string{"notice"}, "told")
			w.must(w.finishDelivery(d, delivered), "FinishDelivery")
			if _, n, err := w.s.Leads(w.ctx, w.tenant, followup.LeadFilter{Limit: 10}); n != 0 || err != nil {
				w.Errorf("Leads: got %d, %v, want none", n, err)
			}
			if _, err := w.s.Lead(w.ctx, w.tenant, id); !errors.Is(err, followup.ErrNotFound) {
				w.Errorf("Lead: got %v, want ErrNotFound", err)
			}
			if h, err := w.s.History(w.ctx, id, w.main, w.now); len(h) != 0 || err != nil {
				w.Errorf("History: got %v, %v, want none", h, err)
			}
		}},
	}
}

// said checks the texts in the history of the main channel.
func (w *world) said(lead followup.LeadID, want ...string) {
	w.Helper()
	h, err := w.s.History(w.ctx, lead, w.main, w.now)
	w.must(err, "History")
	got := []string{}
	for _, e := range h {
		got = append(got, e.Text)
	}
	w.is(got, append([]string{}, want...), "history")
}
