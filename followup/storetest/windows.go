package storetest

import (
	"time"

	"wagate/followup"
	"wagate/providers"
)

// windowTests: a window belongs to a conversation, counts from the lead's own messages and closes
// at exactly 24 h.
func windowTests() []test {
	const day = 24 * time.Hour
	return []test{
		{"a window closes at exactly 24 h for the API", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.opening())
			w.pass(day - time.Millisecond)
			w.is(w.guardSend(lead, true).Refusal, followup.Allowed, "free-form 1 ms before")
			w.pass(time.Millisecond)
			w.is(w.guardSend(lead, true).Refusal, followup.RefusedWindow, "free-form at 24 h")
			w.is(w.guardSend(lead, false).Refusal, followup.Allowed, "template at 24 h")
		}},
		{"a window closes at exactly 24 h for a step", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.opening())
			w.start(lead)
			w.pass(day - time.Millisecond)
			c := w.claim()
			free := func(g *followup.GuardStep) { g.FreeForm = true }
			w.is(w.guardWith(c, free).Refusal, followup.Allowed, "free-form 1 ms before")
			w.pass(time.Millisecond)
			w.is(w.guardWith(c, free).Refusal, followup.RefusedWindow, "free-form at 24 h")
			w.is(w.guard(c).Refusal, followup.Allowed, "template at 24 h, same token")
		}},
		{"the guard says when the window closes", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.opening())
			closes := w.now.Add(day)
			w.start(lead)
			w.pass(time.Hour)
			c := w.claim()
			free := func(g *followup.GuardStep) { g.FreeForm = true }
			w.at(w.guardWith(c, free).Closes, closes, "free-form, for a step")
			w.at(w.guard(c).Closes, time.Time{}, "template, for a step")
			w.at(w.guardSend(lead, true).Closes, closes, "free-form by the API")
			w.at(w.guardSend(lead, false).Closes, time.Time{}, "template by the API")
		}},
		{"a window counts from the provider's timestamp, not from arrival", func(w *world) {
			lead := w.lead()
			it := w.opening()
			it.At = w.now.Add(-time.Hour)
			w.settle(lead, it)
			w.at(w.get(lead).Windows[w.main].LastInbound, it.At, "LastInbound")
			w.pass(day - time.Hour)
			w.is(w.guardSend(lead, true).Refusal, followup.RefusedWindow, "24 h after the timestamp")
		}},
		{"a new identity closes the window until the next message", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.opening())
			notice := w.item()
			notice.NewIdentity = true
			w.settle(lead, notice)
			w.is(w.guardSend(lead, true).Refusal, followup.RefusedWindow, "free-form to the new identity")
			w.is(w.guardSend(lead, false).Refusal, followup.Allowed, "template to it")
			w.pass(time.Minute)
			w.settle(lead, w.opening())
			w.is(w.guardSend(lead, true).Refusal, followup.Allowed, "free-form after its first message")
		}},
		{"a new identity reported late closes the windows that count from no later, on every channel", func(w *world) {
			lead := w.lead()
			for _, c := range []struct {
				channel followup.ChannelID
				after   time.Duration // the change
			}{{w.main, time.Millisecond}, {w.second, 0}, {w.other, -time.Minute}} {
				it := w.opening()
				it.Channel, it.At = c.channel, w.now.Add(c.after)
				w.settle(lead, it)
			}
			notice := w.item()
			notice.NewIdentity = true
			w.pass(time.Hour)
			w.settle(lead, notice)
			windows := w.get(lead).Windows
			w.is(windows[w.main].Refused, false, "Refused of the window that counts from after the change")
			w.is(windows[w.second].Refused, true, "Refused of the window of the same instant")
			w.is(windows[w.other].Refused, true, "Refused of the window from before")
		}},
		{"only a later timestamp moves the window", func(w *world) {
			lead := w.lead()
			first := w.now
			w.settle(lead, w.opening())
			for _, back := range []time.Duration{time.Millisecond, time.Hour, 0} {
				it := w.opening()
				it.At = first.Add(-back)
				w.pass(time.Minute)
				w.settle(lead, it)
				w.at(w.get(lead).Windows[w.main].LastInbound, first, "LastInbound after an older message")
			}
			it := w.opening()
			it.At = first.Add(time.Millisecond)
			w.settle(lead, it)
			w.at(w.get(lead).Windows[w.main].LastInbound, it.At, "LastInbound after a newer message")
		}},
		{"messages out of order in a batch", func(w *world) {
			lead := w.lead()
			newer, older := w.opening(), w.opening()
			older.At = w.now.Add(-time.Minute)
			w.settle(lead, newer, older)
			w.at(w.get(lead).Windows[w.main].LastInbound, newer.At, "LastInbound")
		}},
		{"a lead that never wrote has no window", func(w *world) {
			lead := w.lead()
			w.is(w.guardSend(lead, true).Refusal, followup.RefusedWindow, "free-form")
			w.is(w.guardSend(lead, false).Refusal, followup.Allowed, "template")
		}},
		{"nothing else opens the window", func(w *world) {
			lead := w.lead()
			reaction := w.item()
			reaction.Reply = true
			noted := w.item()
			noted.Entry = &followup.Entry{From: followup.FromBusiness, Text: "echo", At: w.now}
			w.settle(lead, reaction, w.echo(), noted, w.receipt("", providers.StatusDelivered, ""))
			v := w.guardSend(lead, false)
			w.recordSend(lead, v.Attempt, func(r *followup.RecordSend) {
				r.Entry = &followup.Entry{From: followup.FromBusiness, Text: "sent", At: w.now}
			})
			w.is(w.get(lead).Windows[w.main].LastInbound.IsZero(), true, "no LastInbound")
			w.is(w.guardSend(lead, true).Refusal, followup.RefusedWindow, "free-form")
		}},
		{"windows are per channel", func(w *world) {
			lead := w.lead()
			it := w.opening()
			it.Channel = w.second
			w.settle(lead, it)
			w.is(w.guardSend(lead, true).Refusal, followup.RefusedWindow, "the other channel's window")
			w.start(lead)
			free := func(g *followup.GuardStep) { g.FreeForm = true }
			w.is(w.guardWith(w.due(), free).Refusal, followup.RefusedWindow, "the other channel's window, for a step")
		}},
		{"a cut-over opens the window and never moves it back", func(w *world) {
			lead := w.lead()
			put := func(from time.Time) {
				p := followup.PutLead{Lead: w.get(lead), WindowFrom: from, Now: w.now, Real: w.now}
				p.Lead.Channel = w.main
				_, err := w.s.PutLead(w.ctx, p)
				w.must(err, "PutLead")
			}
			from := w.now.Add(-time.Hour)
			put(from)
			w.at(w.get(lead).Windows[w.main].LastInbound, from, "LastInbound")
			w.is(w.guardSend(lead, true).Refusal, followup.Allowed, "free-form")
			put(from.Add(-time.Hour))
			w.at(w.get(lead).Windows[w.main].LastInbound, from, "LastInbound after an earlier cut-over")
			put(time.Time{})
			w.at(w.get(lead).Windows[w.main].LastInbound, from, "LastInbound after a write without a cut-over")
			put(w.now.Add(time.Hour))
			w.at(w.get(lead).Windows[w.main].LastInbound, w.now, "LastInbound after a cut-over in the future")
			p := followup.PutLead{Lead: w.get(lead), WindowFrom: w.now, Now: w.now, Real: w.now}
			p.Lead.Channel = ""
			_, err := w.s.PutLead(w.ctx, p)
			w.must(err, "PutLead")
			w.is(len(w.get(lead).Windows), 1, "windows after a cut-over of no channel")
		}},
		{"UsedAt is the arrival of the newest event in either direction", func(w *world) {
			lead := w.lead()
			used := func(want time.Time, what string) {
				w.Helper()
				w.at(w.get(lead).Windows[w.main].UsedAt, want, what)
			}
			it := w.opening()
			it.At = w.now.Add(-time.Hour)
			w.settle(lead, it)
			used(w.now, "after a message")
			w.pass(time.Second)
			w.settle(lead, w.echo())
			used(w.now, "after an echo")
			w.pass(time.Second)
			reaction := w.item()
			reaction.Reply = true
			w.settle(lead, reaction)
			used(w.now, "after a reaction")
			w.pass(time.Second)
			noted := w.item()
			noted.Entry = &followup.Entry{From: followup.FromLead, Text: "noted", At: w.now}
			w.settle(lead, noted)
			used(w.now, "after an entry")
			echoed := w.now
			w.pass(time.Second)
			w.settle(lead, w.receipt("", providers.StatusRead, ""))
			used(echoed, "after a receipt")
			v := w.guardSend(lead, false)
			used(echoed, "after a guard")
			w.recordSend(lead, w.guardSend(lead, false).Attempt, func(*followup.RecordSend) {})
			used(echoed, "after a send of which nothing is known to have left")
			w.recordSend(lead, v.Attempt, func(r *followup.RecordSend) {
				r.Entry = &followup.Entry{From: followup.FromBusiness, Text: "sent", At: w.now}
			})
			used(w.now, "after a send")
			w.start(lead)
			for _, row := range []struct {
				outcome followup.Outcome
				used    bool
			}{{followup.Sent, true}, {followup.Failed, false}, {followup.Uncertain, true}, {followup.Skipped, false}} {
				before := w.get(lead).Windows[w.main].UsedAt
				c, a := w.sending()
				f := w.result(c, a)
				f.Outcome = row.outcome
				w.finish(f)
				if row.used {
					before = w.now
				}
				used(before, "after a step "+string(row.outcome))
			}
		}},
	}
}

// refusalTests: when a provider says "window closed", ours closes too, unless the lead wrote after
// the message that was refused.
func refusalTests() []test {
	// Each way in which the provider's word can reach the store about a message that the guard has
	// just allowed.
	ways := []struct {
		name string
		send func(w *world, lead followup.LeadID) (told func())
	}{
		{"answer to the API", func(w *world, lead followup.LeadID) func() {
			a := w.guardSend(lead, true).Attempt
			return func() { w.recordSend(lead, a, func(r *followup.RecordSend) { r.CloseWindow = true }) }
		}},
		{"receipt to the API", func(w *world, lead followup.LeadID) func() {
			a := w.guardSend(lead, true).Attempt
			return func() { w.settle(lead, w.receipt(a, providers.StatusFailed, providers.WindowClosed)) }
		}},
		{"answer to a step", func(w *world, lead followup.LeadID) func() {
			w.start(lead)
			c, a := w.sending()
			return func() {
				f := w.result(c, a)
				f.Outcome, f.Reason, f.CloseWindow, f.Text = followup.Failed, followup.WindowClosed, true, ""
				w.finish(f)
			}
		}},
		{"receipt to a step", func(w *world, lead followup.LeadID) func() {
			w.start(lead)
			c, a := w.sending()
			w.finish(w.result(c, a))
			return func() { w.settle(lead, w.receipt(a, providers.StatusFailed, providers.WindowClosed)) }
		}},
	}
	var tests []test
	for _, way := range ways {
		tests = append(tests,
			test{way.name + " closes ours until a later message", func(w *world) {
				lead := w.lead()
				opened := w.now
				w.settle(lead, w.opening())
				w.pass(time.Second)
				way.send(w, lead)()
				w.pass(time.Second)
				w.is(w.get(lead).Windows[w.main].Refused, true, "Refused")
				w.is(w.guardSend(lead, true).Refusal, followup.RefusedWindow, "free-form")
				w.is(w.guardSend(lead, false).Refusal, followup.Allowed, "template")
				older := w.opening()
				older.At = opened
				w.settle(lead, older)
				w.is(w.guardSend(lead, true).Refusal, followup.RefusedWindow, "free-form after a message not later")
				w.settle(lead, w.opening())
				w.is(w.get(lead).Windows[w.main].Refused, false, "Refused after a later message")
				w.is(w.guardSend(lead, true).Refusal, followup.Allowed, "free-form after a later message")
			}},
			test{way.name + " about a message before the lead's last is passed over", func(w *world) {
				lead := w.lead()
				w.settle(lead, w.opening())
				w.pass(time.Second)
				told := way.send(w, lead)
				w.pass(time.Second)
				w.settle(lead, w.opening())
				w.pass(time.Second)
				told()
				w.is(w.guardSend(lead, true).Refusal, followup.Allowed, "free-form")
			}},
			test{way.name + " about a message that crossed the lead's is passed over", func(w *world) {
				lead := w.lead()
				w.settle(lead, w.opening())
				w.pass(time.Minute)
				late := w.opening()
				late.At = w.now.Add(-time.Second)
				told := way.send(w, lead)
				w.settle(lead, late)
				told()
				w.is(w.guardSend(lead, true).Refusal, followup.Allowed, "free-form")
			}},
		)
	}
	return append(tests,
		test{"a step that was taken leaves it open", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.opening())
			w.start(lead)
			c, a := w.sending()
			w.finish(w.result(c, a))
			w.is(w.guardSend(lead, true).Refusal, followup.Allowed, "free-form after a step")
			b := w.guardSend(lead, true).Attempt
			w.recordSend(lead, b, func(*followup.RecordSend) {})
			w.is(w.guardSend(lead, true).Refusal, followup.Allowed, "free-form after a message")
		}},
		test{"another failure closes nothing", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.opening())
			for _, kind := range providers.ErrorKinds {
				if kind == providers.WindowClosed {
					continue
				}
				a := w.guardSend(lead, true).Attempt
				w.settle(lead, w.receipt(a, providers.StatusFailed, kind))
				w.is(w.get(lead).Windows[w.main].Refused, false, "Refused after %s", kind)
			}
		}},
		test{"the window of the message's channel, whatever channel the receipt came on", func(w *world) {
			lead := w.lead()
			on2 := w.opening()
			on2.Channel = w.second
			w.settle(lead, w.opening(), on2)
			a := w.guardSend(lead, true).Attempt
			rc := w.receipt(a, providers.StatusFailed, providers.WindowClosed)
			rc.Channel = w.second
			w.settle(lead, rc)
			w.is(w.get(lead).Windows[w.main].Refused, true, "Refused on the channel of the message")
			w.is(w.get(lead).Windows[w.second].Refused, false, "Refused on the other")
		}},
	)
}
