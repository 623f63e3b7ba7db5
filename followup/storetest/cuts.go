package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"wagate/followup"
)

// cutTests: how much of a queue becomes one delivery.
func cutTests() []test {
	return []test{
		{"a delivery has about MaxBytes, and at least one event", func(w *world) {
			lead := w.lead()
			for _, text := range []string{"a", "b", "c", "LARGE", "d", "e"} {
				size := 1000
				if text == "LARGE" {
					size = 9000
				}
				w.settle(lead, w.note(text+strings.Repeat(".", size)))
			}
			for _, want := range []string{"a b", "c", "LARGE", "d e"} {
				d := w.deliveryWith(followup.ClaimDeliveries{Limit: 1, MaxEvents: 10, MaxBytes: 3000})
				w.is(strings.ReplaceAll(strings.Join(w.say(d.Events), " "), ".", ""), want, "events")
				w.must(w.finishDelivery(d, delivered), "FinishDelivery")
			}
		}},
		{"the events of a split delivery come one by one, in order, then as before", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.note("1"), w.note("2"), w.note("3"))
			d := w.delivery()
			w.settle(lead, w.note("4"), w.note("5"))
			w.pass(time.Second)
			w.must(w.finishDelivery(d, split), "FinishDelivery")
			seen := []string{d.ID}
			for _, want := range []string{"1", "2", "3", "4 5"} {
				next := w.delivery()
				w.is(strings.Join(w.say(next.Events), " "), want, "events")
				w.is(slices.Contains(seen, next.ID), false, "id used before")
				w.is(next.Token != d.Token, true, "a new token")
				w.is([]int{next.Attempts, next.Rejected}, []int{0, 0}, "attempts and rejections of %s", want)
				first := w.now
				if want != "4 5" {
					first = d.FirstAt
				}
				w.at(next.FirstAt, first, "FirstAt of "+want)
				w.pass(time.Second)
				seen = append(seen, next.ID)
				w.must(w.finishDelivery(next, delivered), "FinishDelivery")
			}
		}},
		{"after a split only the event at fault becomes a dead letter", func(w *world) {
			w.settle(w.lead(), w.note("1"), w.note("bad"), w.note("3"))
			w.must(w.finishDelivery(w.delivery(), split), "FinishDelivery")
			var got []string
			for d := w.delivery(); ; d = w.delivery() {
				text := w.say(d.Events)[0]
				if text == "bad" {
					w.must(w.finishDelivery(d, rejected), "FinishDelivery")
					continue
				}
				got = append(got, text)
				w.must(w.finishDelivery(d, delivered), "FinishDelivery")
				if text == "3" {
					break
				}
			}
			w.is(got, []string{"1", "3"}, "delivered")
			w.is(w.letter().Count, 1, "events of the dead letter")
		}},
		{"an event of a split is retried and released like any delivery", func(w *world) {
			w.settle(w.lead(), w.note("1"), w.note("2"), w.note("3"))
			d := w.delivery()
			w.must(w.finishDelivery(d, split), "FinishDelivery")
			w.must(w.finishDelivery(w.delivery(), released), "FinishDelivery")
			one := w.delivery()
			w.is(w.say(one.Events), []string{"1"}, "events after it was released untried")
			w.at(one.FirstAt, d.FirstAt, "FirstAt")
			w.must(w.finishDelivery(one, func(f *followup.FinishDelivery) { f.RetryAt, f.Rejected = w.now, true }), "FinishDelivery")
			again := w.delivery()
			w.is([]any{again.ID, again.Attempts, again.Rejected}, []any{one.ID, 1, 1}, "id, attempts, rejections")
			w.pass(lease)
			late := w.delivery()
			w.is([]any{late.ID, late.Attempts}, []any{one.ID, 2}, "id and attempts after its lease ran out")
			w.must(w.finishDelivery(late, delivered), "FinishDelivery")
			w.is(w.say(w.delivery().Events), []string{"2"}, "events of the next delivery")
		}},
		{"only the holder of the token splits a delivery, and only once", func(w *world) {
			w.settle(w.lead(), w.note("1"), w.note("2"))
			d := w.delivery()
			w.pass(lease)
			again := w.delivery()
			if err := w.finishDelivery(d, split); !errors.Is(err, followup.ErrStale) {
				w.Errorf("split with an old token: got %v, want ErrStale", err)
			}
			w.must(w.finishDelivery(again, split), "FinishDelivery")
			if err := w.finishDelivery(again, split); !errors.Is(err, followup.ErrStale) {
				w.Errorf("split twice: got %v, want ErrStale", err)
			}
			w.is(w.say(w.delivery().Events), []string{"1"}, "events")
		}},
		{"a released delivery that the assistant may have seen stays the same", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.note("1"))
			d := w.delivery()
			w.settle(lead, w.note("2"))
			for i, edit := range []func(*followup.FinishDelivery){
				func(f *followup.FinishDelivery) { f.Release, f.Seen = true, true }, released,
			} {
				w.must(w.finishDelivery(d, edit), "FinishDelivery")
				again := w.delivery()
				w.is(fmt.Sprint(again.ID, w.say(again.Events), again.Attempts), fmt.Sprint(d.ID, []string{"1"}, 0), "delivery after release %d", i)
				d = again
			}
			w.must(w.finishDelivery(d, delivered), "FinishDelivery")
			w.must(w.finishDelivery(w.delivery(), released), "FinishDelivery")
			w.settle(lead, w.note("3"))
			w.is(w.say(w.delivery().Events), []string{"2", "3"}, "events of the next delivery, which nobody has seen")
		}},
	}
}
