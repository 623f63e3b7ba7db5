package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"wagate/followup"
)

// note returns an event that is only relayed.
func (w *world) note(text string) followup.Item {
	it := w.item()
	it.Relay = w.event(text)
	return it
}

// orderTests: events reach an assistant in the order in which they were settled, one delivery of a
// conversation at a time, and trouble with one delivery delays no other conversation.
func orderTests() []test {
	return []test{
		{"events come in the order settled, happenings in their place", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.message("one"))
			w.start(lead)
			w.settle(lead, w.note("two"), w.message("three"), w.note("four"))
			w.is(w.told(w.sales), []string{
				"one", "scheduled 1", "two", "three", "replied 1 cancelled/replied", "four",
			}, "told")
		}},
		{"a settlement of MaxItems items is relayed whole", func(w *world) {
			lead := w.lead()
			w.start(lead)
			w.told(w.sales)
			var items []followup.Item
			var want []string
			for i := range followup.MaxItems {
				want = append(want, fmt.Sprint(i))
				items = append(items, w.message(want[i]))
			}
			w.settle(lead, items...)
			ds, _ := w.claimDeliveries(1, 2*followup.MaxItems)
			w.is(len(ds), 1, "deliveries")
			w.is(w.say(ds[0].Events), slices.Insert(want, 1, "replied 1 cancelled/replied"), "told")
		}},
		{"an event arrives as it was settled", func(w *world) {
			lead := w.lead()
			it := w.note("")
			it.Relay.Entry = []byte(`{"time":1790000000,"n\u00e9w":"é"}`)
			it.Relay.Value = []byte(`{"text":"é \"q\" \u0000 😀","n":12345678901234567890,"f":1.50,"e":[],"o":{}}`)
			w.settle(lead, it)
			d := w.delivery()
			w.is(d.Tenant, w.tenant, "tenant")
			w.is(d.Assistant, w.sales, "assistant")
			w.is(d.Lead, lead, "lead")
			w.is(d.Channel, w.main, "channel")
			w.is(d.Attempts, 0, "attempts")
			w.at(d.QueuedAt, w.now, "QueuedAt")
			w.at(d.FirstAt, w.now, "FirstAt")
			w.is(d.ID != "" && d.Token != "", true, "id and token are set")
			w.is(len(d.Events), 1, "events")
			e := d.Events[0]
			w.is(e.Field+" "+e.Account, "messages acct", "field and account")
			w.is(string(e.Value), string(it.Relay.Value), "value, byte by byte")
			w.is(string(e.Entry), string(it.Relay.Entry), "entry, byte by byte")
		}},
		{"items that share an event relay it once, with the first fresh one", func(w *world) {
			lead := w.lead()
			shared := func(text string, items ...*followup.Item) {
				e := w.event(text)
				for _, it := range items {
					it.Relay = e
				}
			}
			a, b, c := w.item(), w.item(), w.item()
			shared("a and b", &a, &b)
			w.settle(lead, w.note("before"), a, w.note("between"), b, w.note("after"))
			shared("b and c", &b, &c)
			w.settle(lead, w.note("2 before"), b, w.note("2 between"), c)
			shared("a, b and c", &a, &b, &c)
			w.settle(lead, a, b, c)
			d, alike := w.note("alike"), w.note("alike")
			w.settle(lead, d, alike)
			w.is(w.told(w.sales), []string{
				"before", "a and b", "between", "after", "2 before", "2 between", "b and c", "alike", "alike",
			}, "told")
		}},
		{"a delivery has the window of its conversation", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.message("hi"))
			opened := w.now
			w.pass(time.Second)
			w.recordSend(lead, w.guardSend(lead, true).Attempt, func(r *followup.RecordSend) {
				r.CloseWindow, r.Entry = true, &followup.Entry{From: followup.FromBusiness, Text: "sent", At: w.now}
			})
			got := w.delivery().Window
			w.at(got.LastInbound, opened, "LastInbound")
			w.is(got.Refused, true, "Refused")
			w.at(got.UsedAt, w.now, "UsedAt")
		}},
		{"a delivery has at most MaxEvents events, the rest follows", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.note("1"), w.note("2"), w.note("3"))
			for _, want := range [][]string{{"1", "2"}, {"3"}} {
				ds, _ := w.claimDeliveries(10, 2)
				w.is(len(ds), 1, "deliveries")
				w.is(w.say(ds[0].Events), want, "events")
				w.must(w.finishDelivery(ds[0], delivered), "FinishDelivery")
			}
			w.is(len(w.deliveries()), 0, "deliveries left")
		}},
		{"a delivery has events of one channel only", func(w *world) {
			lead := w.lead()
			b := w.note("b")
			b.Channel, b.Relay.Channel = w.second, w.second
			w.settle(lead, w.note("a"), b, w.note("c"))
			for i, want := range []followup.ChannelID{w.main, w.second, w.main} {
				d := w.delivery()
				w.is(d.Channel, want, "channel of delivery %d", i)
				w.is(w.say(d.Events), []string{string(rune('a' + i))}, "events")
				w.must(w.finishDelivery(d, delivered), "FinishDelivery")
			}
		}},
		{"a raw webhook arrives as it was settled, by itself", func(w *world) {
			lead := w.lead()
			raw := func(body string) followup.Item {
				it := w.item()
				it.Relay = &followup.RelayEvent{Channel: w.main, Field: "messages", Raw: &followup.RawWebhook{
					Body: []byte(body), Narrowed: true, Header: map[string]string{"User-Agent": "an \"agent\""},
				}}
				return it
			}
			const odd = "{ \"t\" : \"é \xff <b> \\u00e1\" }\n"
			w.settle(lead, w.note("a"), w.note("b"), raw(odd), raw("{}"), w.note("c"))
			for _, want := range [][]string{{"a", "b"}, {fmt.Sprintf("raw %q", odd)}, {`raw "{}"`}, {"c"}} {
				d := w.delivery()
				w.is(d.Channel, w.main, "channel")
				w.is(w.say(d.Events), want, "events")
				if e := d.Events[0]; e.Raw != nil {
					w.is(*e.Raw, *raw(string(e.Raw.Body)).Relay.Raw, "raw webhook")
					w.is(e.Field+" "+e.Account+string(e.Entry)+string(e.Value), "messages ", "field, and nothing else")
				}
				w.must(w.finishDelivery(d, delivered), "FinishDelivery")
			}
		}},
		{"one delivery of a queue is out at a time", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.note("1"))
			d := w.delivery()
			w.settle(lead, w.note("2"))
			w.is(len(w.deliveries()), 0, "deliveries while one is out")
			w.must(w.finishDelivery(d, delivered), "FinishDelivery")
			w.is(w.told(w.sales), []string{"2"}, "told after")
		}},
		{"a delivery is frozen at its first claim", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.note("1"))
			d := w.delivery()
			w.must(w.finishDelivery(d, func(f *followup.FinishDelivery) { f.RetryAt = w.now.Add(time.Second) }), "FinishDelivery")
			w.settle(lead, w.note("2"))
			w.is(len(w.deliveries()), 0, "deliveries before RetryAt")
			w.pass(time.Second)
			again := w.delivery()
			w.is(again.ID, d.ID, "id")
			w.is(again.Token != d.Token, true, "a new token")
			w.is(w.say(again.Events), []string{"1"}, "events")
			w.is(again.Attempts, 1, "attempts")
			w.at(again.FirstAt, d.FirstAt, "FirstAt")
			w.must(w.finishDelivery(again, delivered), "FinishDelivery")
			w.is(w.told(w.sales), []string{"2"}, "told after")
		}},
		{"rejections are counted", func(w *world) {
			w.settle(w.lead(), w.note("1"))
			for n := range 3 {
				d := w.delivery()
				w.is([]int{d.Attempts, d.Rejected}, []int{n, n}, "attempts and rejections")
				w.must(w.finishDelivery(d, func(f *followup.FinishDelivery) { f.RetryAt, f.Rejected = w.now, true }), "FinishDelivery")
			}
		}},
		{"the next delivery begins anew, whatever the last one met", func(w *world) {
			w.settle(w.lead(), w.note("1"), w.note("2"))
			claim := func() followup.Delivery { return w.deliveryWith(followup.ClaimDeliveries{Limit: 100, MaxEvents: 1}) }
			retry := func(f *followup.FinishDelivery) { f.RetryAt, f.Rejected = w.now, true }
			w.must(w.finishDelivery(claim(), retry), "FinishDelivery")
			w.pass(time.Second)
			first := claim()
			w.is(fmt.Sprint(first.Attempts, first.Rejected), "1 1", "attempts and rejections of the first")
			w.must(w.finishDelivery(first, delivered), "FinishDelivery")
			next := claim()
			w.is(fmt.Sprint(next.Attempts, next.Rejected), "0 0", "attempts and rejections of the next")
			w.at(next.FirstAt, w.now, "FirstAt")
			w.is(next.ID != first.ID, true, "another id")
		}},
		{"a lease that ran out is claimed again, and the old token is stale", func(w *world) {
			w.settle(w.lead(), w.note("1"))
			d := w.delivery()
			w.pass(lease - time.Millisecond)
			w.is(len(w.deliveries()), 0, "deliveries 1 ms before")
			w.pass(time.Millisecond)
			again := w.delivery()
			w.is(again.ID, d.ID, "id")
			w.is(again.Attempts, 1, "attempts")
			for name, edit := range map[string]func(*followup.FinishDelivery){
				"delivered": delivered,
				"release":   released,
				"dead":      func(f *followup.FinishDelivery) { f.Dead = "no" },
				"retry":     func(f *followup.FinishDelivery) { f.RetryAt = w.now },
			} {
				if err := w.finishDelivery(d, edit); !errors.Is(err, followup.ErrStale) {
					w.Errorf("%s with an old token: got %v, want ErrStale", name, err)
				}
			}
			w.must(w.finishDelivery(again, delivered), "FinishDelivery")
			if err := w.finishDelivery(again, delivered); !errors.Is(err, followup.ErrStale) {
				w.Errorf("FinishDelivery a second time: got %v, want ErrStale", err)
			}
		}},
		{"an empty token finishes nothing", func(w *world) {
			w.settle(w.lead(), w.note("1"))
			d := w.delivery()
			w.must(w.finishDelivery(d, func(f *followup.FinishDelivery) { f.RetryAt = w.now.Add(time.Second) }), "FinishDelivery")
			d.Token = ""
			if err := w.finishDelivery(d, delivered); !errors.Is(err, followup.ErrStale) {
				w.Errorf("FinishDelivery without a token: got %v, want ErrStale", err)
			}
			w.pass(time.Second)
			w.is(w.told(w.sales), []string{"1"}, "told")
		}},
		{"a released delivery is as if never claimed", func(w *world) {
			w.settle(w.lead(), w.note("1"))
			w.must(w.finishDelivery(w.delivery(), released), "FinishDelivery")
			d := w.delivery()
			w.is(d.Attempts, 0, "attempts")
			w.is(w.say(d.Events), []string{"1"}, "events")
		}},
		{"a delivery released after an attempt keeps its count", func(w *world) {
			w.settle(w.lead(), w.note("1"))
			d := w.delivery()
			w.must(w.finishDelivery(d, func(f *followup.FinishDelivery) { f.RetryAt = w.now }), "FinishDelivery")
			w.must(w.finishDelivery(w.delivery(), released), "FinishDelivery")
			again := w.delivery()
			w.is(again.Attempts, 1, "attempts")
			w.is(again.ID, d.ID, "id")
		}},
		{"a conversation that waits for its retry does not stop another", func(w *world) {
			w.settle(w.lead(), w.note("bad"))
			d := w.delivery()
			w.must(w.finishDelivery(d, func(f *followup.FinishDelivery) { f.RetryAt = w.now.Add(time.Minute) }), "FinishDelivery")
			w.settle(w.lead(), w.note("good"))
			w.is(w.told(w.sales), []string{"good"}, "told")
		}},
		{"new events bring a conversation that is out, or waits for its retry, no sooner", func(w *world) {
			const some = 10 // that some lie together in whatever way the store has
			queued := func(text string) (leads []followup.LeadID) {
				for range some {
					leads = append(leads, w.lead())
					w.settle(leads[len(leads)-1], w.note(text))
				}
				return leads
			}
			leads := queued("first")
			ds := w.deliveries()
			w.is(len(ds), some, "deliveries")
			more := func(state string) {
				for _, lead := range leads {
					w.settle(lead, w.note("behind"))
				}
				others := queued("other")
				for _, d := range w.deliveries() {
					w.is(slices.Contains(others, d.Lead), true, "a delivery is of a conversation other than those that are %s", state)
					w.must(w.finishDelivery(d, delivered), "FinishDelivery")
				}
			}
			more("out")
			for _, d := range ds {
				w.must(w.finishDelivery(d, func(f *followup.FinishDelivery) { f.RetryAt = w.now.Add(time.Second) }), "FinishDelivery")
			}
			more("waiting for its retry")
		}},
		{"the queue that waited longest comes first", func(w *world) {
			var want []string
			for i := range 4 {
				text := fmt.Sprint(i)
				w.settle(w.lead(), w.note(text))
				want = append(want, text)
				w.pass(time.Second)
			}
			var got []string
			for range 2 {
				ds, _ := w.claimDeliveries(2, 10)
				for _, d := range ds {
					got = append(got, w.say(d.Events)...)
				}
			}
			w.is(got, want, "order")
		}},
		{"events behind a delivery have waited since they were settled", func(w *world) {
			w.settle(w.lead(), w.note("first"), w.note("behind"))
			w.pass(time.Second)
			w.settle(w.lead(), w.note("later"))
			w.pass(time.Second)
			for _, want := range []string{"first", "behind", "later"} {
				ds, _ := w.claimDeliveries(1, 1)
				w.is(len(ds), 1, "deliveries")
				w.is(w.say(ds[0].Events), []string{want}, "events")
				w.must(w.finishDelivery(ds[0], delivered), "FinishDelivery")
			}
		}},
		{"next is the time until something can be tried", func(w *world) {
			next := func() time.Duration {
				_, d := w.claimDeliveries(10, 10)
				return d
			}
			w.is(next(), time.Hour, "with nothing")
			w.settle(w.lead(), w.note("1"))
			d := w.delivery()
			w.is(next(), lease, "while one is out")
			w.must(w.finishDelivery(d, func(f *followup.FinishDelivery) { f.RetryAt = w.now.Add(5 * time.Second) }), "FinishDelivery")
			w.is(next(), 5*time.Second, "while one waits")
			w.settle(w.lead(), w.note("2"))
			w.settle(w.lead(), w.note("3"))
			_, short := w.claimDeliveries(1, 10)
			w.is(short, time.Duration(0), "when the limit cut short")
		}},
	}
}
