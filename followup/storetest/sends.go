package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"wagate/followup"
)

// sendTests: what an assistant sends itself.
func sendTests() []test {
	spoken := func(w *world, text string) func(*followup.RecordSend) {
		return func(r *followup.RecordSend) {
			r.Entry = &followup.Entry{From: followup.FromBusiness, Text: text, At: w.now}
		}
	}
	return []test{
		{"opt-out refuses marketing only", func(w *world) {
			lead := w.lead()
			out := w.item()
			out.OptOut, out.Opens = new(true), true
			w.settle(lead, out)
			ask := func(free, marketing bool) followup.Refusal {
				v, err := w.s.GuardSend(w.ctx, followup.GuardSend{
					Tenant: w.tenant, Lead: lead, Channel: w.main, Assistant: w.sales,
					To: w.contact(lead), FreeForm: free, Marketing: marketing, Now: w.now, Real: w.now,
				})
				w.must(err, "GuardSend")
				return v.Refusal
			}
			w.is(ask(false, true), followup.RefusedOptedOut, "marketing template")
			w.is(ask(false, false), followup.Allowed, "other template")
			w.is(ask(true, false), followup.Allowed, "free-form")
		}},
		{"marketing goes to a lead that did not opt out", func(w *world) {
			lead := w.lead()
			w.start(lead)
			c := w.due()
			w.is(w.guardWith(c, func(g *followup.GuardStep) { g.Marketing = true }).Refusal, followup.Allowed, "guard of a step")
			v, err := w.s.GuardSend(w.ctx, followup.GuardSend{
				Tenant: w.tenant, Lead: lead, Channel: w.main, Assistant: w.sales, Marketing: true, Now: w.now, Real: w.now,
			})
			w.must(err, "GuardSend")
			w.is(v.Refusal, followup.Allowed, "GuardSend")
		}},
		{"the attempt names its lead, and a retry keeps it", func(w *world) {
			lead := w.lead()
			v := w.guardSend(lead, false)
			w.is(v.Attempt.Lead(), lead, "lead of the attempt")
			got, ok := followup.ParseOpaque(v.Opaque)
			w.is(ok && got == v.Attempt, true, "opaque %q names it", v.Opaque)
			again, err := w.s.GuardSend(w.ctx, followup.GuardSend{
				Tenant: w.tenant, Lead: lead, Channel: w.main, Assistant: w.sales, Previous: v.Attempt, Now: w.now, Real: w.now,
			})
			w.must(err, "GuardSend")
			w.is(again.Attempt, v.Attempt, "attempt of the retry")
			w.is(w.guardSend(lead, false).Attempt != v.Attempt, true, "another message has another")
		}},
		{"a send is recorded once", func(w *world) {
			lead := w.lead()
			a := w.guardSend(lead, false).Attempt
			w.recordSend(lead, a, spoken(w, "hello"))
			w.recordSend(lead, a, spoken(w, "hello"))
			w.said(lead, "hello")
		}},
		{"a retry of an unknown attempt is another message", func(w *world) {
			lead := w.lead()
			v, err := w.s.GuardSend(w.ctx, followup.GuardSend{
				Tenant: w.tenant, Lead: lead, Channel: w.main, Assistant: w.sales, Previous: lead.Attempt(99), Now: w.now, Real: w.now,
			})
			w.must(err, "GuardSend")
			w.is(v.Attempt != "" && v.Attempt != lead.Attempt(99), true, "an attempt of its own")
			w.recordSend(lead, v.Attempt, spoken(w, "hello"))
			w.said(lead, "hello")
		}},
		{"a send is recorded only for an attempt of a lead that exists", func(w *world) {
			lead := w.lead()
			record := func(a followup.AttemptID) error {
				return w.s.RecordSend(w.ctx, followup.RecordSend{
					Tenant: w.tenant, Lead: lead, Channel: w.main, Attempt: a, OptOut: true, Now: w.now, Real: w.now,
				})
			}
			if err := record(lead.Attempt(99)); !errors.Is(err, followup.ErrNotFound) {
				w.Errorf("RecordSend of an unknown attempt: got %v, want ErrNotFound", err)
			}
			w.is(w.get(lead).OptedOut, false, "OptedOut")
			a := w.guardSend(lead, false).Attempt
			w.must(w.s.EraseLead(w.ctx, w.tenant, lead, w.now), "EraseLead")
			w.is(moved(record(a)), true, "RecordSend says that the lead moved")
		}},
		{"a record that opts out ends runs", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			w.recordSend(lead, w.guardSend(lead, false).Attempt, func(r *followup.RecordSend) { r.OptOut = true })
			w.ended(run, followup.OptedOut)
			w.is(w.get(lead).OptedOut, true, "OptedOut")
			w.said(lead)
		}},
		{"history has both directions, in the order settled", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.message("1"))
			w.recordSend(lead, w.guardSend(lead, true).Attempt, spoken(w, "2"))
			w.start(lead)
			c, a := w.sending()
			f := w.result(c, a)
			f.Text = "3"
			w.finish(f)
			w.settle(lead, w.message("4 \"é\"\n😀"))
			w.said(lead, "1", "2", "3", "4 \"é\"\n😀")
			h, err := w.s.History(w.ctx, lead, w.main, w.now)
			w.must(err, "History")
			w.is(h[2].From, followup.FromBusiness, "who said 3")
			w.is(h[3].From, followup.FromLead, "who said 4")
			w.at(h[2].At, w.now, "when 3 was said")
		}},
		{"history is per channel", func(w *world) {
			lead := w.lead()
			m := w.message("elsewhere")
			m.Channel = w.second
			w.settle(lead, m, w.message("here"))
			w.said(lead, "here")
		}},
		{"history keeps the last 30 messages", func(w *world) {
			lead := w.lead()
			var want []string
			var items []followup.Item
			for i := range 2 * followup.HistoryMessages {
				items = append(items, w.message(fmt.Sprint(i)))
				if i >= followup.HistoryMessages {
					want = append(want, fmt.Sprint(i))
				}
			}
			w.settle(lead, items...)
			w.said(lead, want...)
		}},
		{"history goes back 30 days", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.message("old"))
			w.pass(2 * time.Hour)
			w.settle(lead, w.message("new"))
			w.pass(followup.HistoryAge - time.Hour)
			w.said(lead, "new")
		}},
		{"pace by a clock that was ahead holds nobody up", func(w *world) {
			c := followup.ChannelID(uuid.NewString())
			pace := func(perSecond float64) time.Duration {
				d, err := w.s.Pace(w.ctx, c, perSecond, 1, 15*time.Second, w.now)
				w.must(err, "Pace")
				return d
			}
			// A slot that a caller may have taken that far ahead is not taken for the mark of
			// another clock.
			for i := range 16 {
				w.is(pace(1), time.Duration(i)*time.Second, "wait %d", i)
			}
			w.is(pace(1), 16*time.Second, "wait of a caller that is refused")
			w.pass(-time.Hour)
			w.is(pace(1), time.Duration(0), "wait by the right clock")
			w.is(pace(1), time.Second, "wait behind that")
			w.pass(time.Hour)
			w.is(pace(0.01), time.Duration(0), "wait of the first on a slow channel")
			w.is(pace(0.01), 100*time.Second, "wait of the second")
		}},
		{"pace gives one slot to each", func(w *world) {
			c := followup.ChannelID(uuid.NewString())
			pace := func() time.Duration {
				d, err := w.s.Pace(w.ctx, c, 10, 3, time.Minute, w.now)
				w.must(err, "Pace")
				return d.Round(time.Millisecond)
			}
			for i, want := range []time.Duration{0, 0, 0, 100, 200, 300} {
				w.is(pace(), want*time.Millisecond, "wait %d", i)
			}
			w.pass(300 * time.Millisecond)
			w.is(pace(), 100*time.Millisecond, "after the waits are over")
			w.pass(time.Hour)
			for i, want := range []time.Duration{0, 0, 0, 100} {
				w.is(pace(), want*time.Millisecond, "wait %d after a rest: the burst is full, no more", i)
			}
			c = followup.ChannelID(uuid.NewString())
			w.is(pace(), time.Duration(0), "another channel")
		}},
		{"a wait that is too long takes no slot", func(w *world) {
			c := followup.ChannelID(uuid.NewString())
			pace := func(longest time.Duration) time.Duration {
				d, err := w.s.Pace(w.ctx, c, 10, 1, longest, w.now)
				w.must(err, "Pace")
				return d.Round(time.Millisecond)
			}
			for i := range 4 {
				w.is(pace(300*time.Millisecond), time.Duration(i)*100*time.Millisecond, "wait %d", i)
			}
			for range 1000 {
				w.is(pace(300*time.Millisecond), 400*time.Millisecond, "wait of a caller that is refused")
			}
			w.is(pace(400*time.Millisecond), 400*time.Millisecond, "wait of a more patient caller")
			w.pass(200 * time.Millisecond)
			w.is(pace(300*time.Millisecond), 300*time.Millisecond, "wait after a while")
		}},
	}
}

// keyTests: an idempotency key gives one answer.
func keyTests() []test {
	begin := func(w *world, key, print string) followup.KeyAnswer {
		w.Helper()
		a, err := w.s.BeginKey(w.ctx, w.tenant, key, print, w.now, lease)
		w.must(err, "BeginKey")
		return a
	}
	state := func(w *world, want followup.KeyState, what string) {
		w.Helper()
		w.is(begin(w, "k", "p").State, want, "%s", what)
	}
	return []test{
		{"a key is new, then busy, then done", func(w *world) {
			state(w, followup.KeyNew, "first")
			state(w, followup.KeyBusy, "while it is held")
			answer := make([]byte, 256) // of any bytes
			for i := range answer {
				answer[i] = byte(255 - i)
			}
			w.must(w.s.FinishKey(w.ctx, w.tenant, "k", answer, w.now), "FinishKey")
			got := begin(w, "k", "p")
			w.is(got.State, followup.KeyDone, "after it was finished")
			w.is(string(got.Answer), string(answer), "answer")
		}},
		{"another request under the same key", func(w *world) {
			state(w, followup.KeyNew, "first")
			w.is(begin(w, "k", "other").State, followup.KeyMismatch, "while it is held")
			w.must(w.s.FinishKey(w.ctx, w.tenant, "k", []byte("x"), w.now), "FinishKey")
			w.is(begin(w, "k", "other").State, followup.KeyMismatch, "after it was finished")
		}},
		{"a dropped key is new again", func(w *world) {
			owner := begin(w, "k", "p").Owner
			w.must(w.s.DropKey(w.ctx, w.tenant, "k", owner), "DropKey")
			w.is(begin(w, "k", "other").State, followup.KeyNew, "after it was dropped, whatever the request")
		}},
		{"a held key's lease does not run out", func(w *world) {
			owner := begin(w, "k", "p").Owner
			w.pass(lease / 2)
			for range 2 {
				w.must(w.s.HoldKey(w.ctx, w.tenant, "k", owner, w.now), "HoldKey")
			}
			w.pass(followup.KeyAge - lease/2 - time.Millisecond)
			state(w, followup.KeyBusy, "1 ms before")
			w.pass(time.Millisecond)
			state(w, followup.KeyNew, "KeyAge after it was begun")
		}},
		{"a caller that lost the key holds and drops nothing", func(w *world) {
			late := begin(w, "k", "p").Owner
			w.pass(lease)
			owner := begin(w, "k", "p").Owner
			stale := func(owner, what string) {
				w.Helper()
				if err := w.s.HoldKey(w.ctx, w.tenant, "k", owner, w.now); !errors.Is(err, followup.ErrStale) {
					w.Errorf("HoldKey %s: got %v, want ErrStale", what, err)
				}
			}
			stale(late, "by the late caller")
			w.must(w.s.DropKey(w.ctx, w.tenant, "k", late), "DropKey")
			state(w, followup.KeyBusy, "after the late caller has dropped it")
			w.must(w.s.HoldKey(w.ctx, w.tenant, "k", owner, w.now), "HoldKey")
			w.must(w.s.DropKey(w.ctx, w.tenant, "k", owner), "DropKey")
			stale(owner, "once it was dropped")
			state(w, followup.KeyNew, "which made it nobody's")
		}},
		{"a lease that ran out frees the key", func(w *world) {
			state(w, followup.KeyNew, "first")
			w.pass(lease - time.Millisecond)
			state(w, followup.KeyBusy, "1 ms before")
			w.pass(time.Millisecond)
			state(w, followup.KeyNew, "after")
			state(w, followup.KeyBusy, "held again")
		}},
		{"a key is remembered for KeyAge", func(w *world) {
			state(w, followup.KeyNew, "first")
			w.must(w.s.FinishKey(w.ctx, w.tenant, "k", []byte("x"), w.now), "FinishKey")
			w.pass(followup.KeyAge - time.Millisecond)
			state(w, followup.KeyDone, "1 ms before")
			w.pass(time.Millisecond)
			state(w, followup.KeyNew, "after")
			state(w, followup.KeyBusy, "held again, the old answer forgotten")
		}},
		{"a key is remembered from when it was finished", func(w *world) {
			state(w, followup.KeyNew, "first")
			w.pass(lease / 2)
			w.must(w.s.FinishKey(w.ctx, w.tenant, "k", []byte("x"), w.now), "FinishKey")
			w.pass(followup.KeyAge - time.Millisecond)
			state(w, followup.KeyDone, "KeyAge after it was begun")
		}},
		{"a key finished after it was dropped stays new", func(w *world) {
			owner := begin(w, "k", "p").Owner
			w.must(w.s.DropKey(w.ctx, w.tenant, "k", owner), "DropKey")
			w.must(w.s.FinishKey(w.ctx, w.tenant, "k", []byte("x"), w.now), "FinishKey")
			state(w, followup.KeyNew, "after")
		}},
		{"keys are per tenant", func(w *world) {
			state(w, followup.KeyNew, "first")
			w.is(begin(w, "k2", "p").State, followup.KeyNew, "another key")
			w.is(begin(w.tenantNextDoor(), "k", "p").State, followup.KeyNew, "another tenant")
		}},
		{"one of many at once takes the key", func(w *world) {
			states := make(chan followup.KeyState, 20)
			for range cap(states) {
				go func() {
					a, err := w.s.BeginKey(w.ctx, w.tenant, "k", "p", w.now, lease)
					if err != nil {
						w.Errorf("BeginKey: got error %v, want none", err)
					}
					states <- a.State
				}()
			}
			n := 0
			for range cap(states) {
				if <-states == followup.KeyNew {
					n++
				}
			}
			w.is(n, 1, "new")
		}},
	}
}
