package storetest

import (
	"errors"
	"fmt"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// forgetTests: what is old enough is forgotten, and nothing younger goes with it.
func forgetTests() []test {
	gone := func(w *world, run followup.RunID, what string) {
		w.Helper()
		if _, err := w.s.Run(w.ctx, w.tenant, run); !errors.Is(err, followup.ErrNotFound) {
			w.Errorf("%s: got %v, want ErrNotFound", what, err)
		}
	}
	there := func(w *world, run followup.RunID, what string) {
		w.Helper()
		if _, err := w.s.Run(w.ctx, w.tenant, run); err != nil {
			w.Errorf("%s: got %v, want the run", what, err)
		}
	}
	cancel := func(w *world, run followup.RunID) {
		w.Helper()
		_, err := w.s.Cancel(w.ctx, w.tenant, run, w.now, w.now)
		w.must(err, "Cancel")
	}
	return []test{
		{"an ended run is forgotten after 30 days, when others start and end", func(w *world) {
			lead := w.lead()
			first, second := w.start(lead), w.start(lead) // starting the second ended the first
			w.pass(followup.RunAge - time.Millisecond)
			third := w.start(lead)
			there(w, first, "1 ms before")
			w.pass(time.Millisecond)
			cancel(w, w.start(lead))
			gone(w, first, "after 30 days")
			there(w, second, "one that ended later")
			there(w, third, "one that ended last")
		}},
		{"many runs are forgotten, a few at a time", func(w *world) {
			lead := w.lead()
			var old []followup.RunID
			for range 10 {
				old = append(old, w.start(lead))
			}
			cancel(w, old[len(old)-1])
			w.pass(followup.RunAge)
			for range 4 {
				cancel(w, w.start(lead))
			}
			for _, run := range old {
				gone(w, run, fmt.Sprintf("run %d", run.N()))
			}
		}},
		{"a live run keeps its timeline, however old it is and whatever ends", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			f := w.result(c, a)
			f.Interval = 60 * 24 * time.Hour
			w.finish(f)
			arm := w.arm()
			arm.Assistant = w.support
			for range 2 {
				cancel(w, w.startWith(lead, arm))
				w.timeline(run, "1 sent/template", "2 …")
				w.pass(followup.RunAge)
			}
		}},
		{"a run that outlived younger ones is forgotten, too", func(w *world) {
			lead := w.lead()
			long := w.start(lead)
			arm := w.arm()
			arm.Assistant = w.support
			for range 3 {
				cancel(w, w.startWith(lead, arm))
			}
			cancel(w, long)
			w.pass(followup.RunAge)
			for range 3 {
				cancel(w, w.startWith(lead, arm))
			}
			gone(w, long, "the long one")
		}},
		{"old first sights are forgotten, younger ones stay", func(w *world) {
			lead := w.lead()
			old, young := w.item(), w.item()
			w.settle(lead, old)
			w.pass(5 * 24 * time.Hour)
			w.settle(lead, young)
			w.pass(5 * 24 * time.Hour)
			w.settle(lead, w.item())
			w.is(w.settle(lead, young, old).Fresh, []bool{false, true}, "fresh: one of 5 days, one of 10")
		}},
		{"a duplicate does not make the first sight younger", func(w *world) {
			lead := w.lead()
			m := w.item()
			w.settle(lead, m)
			w.pass(5 * 24 * time.Hour)
			w.is(w.settle(lead, m).Fresh, []bool{false}, "fresh after 5 days")
			w.pass(5 * 24 * time.Hour)
			w.settle(lead, w.item())
			w.is(w.settle(lead, m).Fresh, []bool{true}, "fresh after 10 days")
		}},
		{"attempts are kept while their receipts may come, however many", func(w *world) {
			lead := w.lead()
			first := w.guardSend(lead, false).Attempt
			for range 250 {
				w.guardSend(lead, false)
			}
			w.settle(lead, w.receipt(first, providers.StatusFailed, providers.OptedOut))
			w.is(w.get(lead).OptedOut, true, "OptedOut by a receipt about the oldest")
		}},
		{"attempts are forgotten after 30 days", func(w *world) {
			lead := w.lead()
			first := w.guardSend(lead, false).Attempt
			for range 250 {
				w.guardSend(lead, false)
			}
			w.pass(followup.RunAge + time.Millisecond)
			w.guardSend(lead, false)
			w.settle(lead, w.receipt(first, providers.StatusFailed, providers.OptedOut))
			w.is(w.get(lead).OptedOut, false, "OptedOut by a receipt that comes too late")
		}},
	}
}
