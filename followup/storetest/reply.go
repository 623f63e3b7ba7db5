package storetest

import (
	"errors"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// replyTests: a reply settled before the guard prevents the send, wherever the step was.
func replyTests() []test {
	where := []struct {
		name string
		move func(w *world, it *followup.Item)
	}{
		{"on its channel", func(*world, *followup.Item) {}},
		{"on another channel of its assistant", func(w *world, it *followup.Item) { it.Channel = w.second }},
		{"on its channel, bound to another assistant since", func(w *world, it *followup.Item) { it.Assistant = w.support }},
	}
	tests := []test{
		{"a reply to another assistant ends nothing", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			m := w.message("hi")
			m.Channel, m.Assistant = w.other, w.support
			w.is(len(w.settle(lead, m).Ended), 0, "ended runs")
			w.is(w.run(run).State, followup.RunArmed, "state")
		}},
		{"a reply between two tries in sending ends the run at the guard", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			w.settle(lead, w.message("hi"))
			v := w.guard(c)
			w.is(v.Refusal, followup.RefusedStale, "guard of the next try")
			w.is(v.Ended, []followup.Ended{{Run: run, Step: 1, Reason: followup.Replied}}, "ended by the guard")
			w.ended(run, followup.Replied)
			w.timeline(run, "1 cancelled/replied")
			w.stale(c, a)
		}},
		{"a reply by an identity linked later to the same lead", func(w *world) {
			phone, user := newPhone(), newUser()
			lead := w.resolve(followup.Identity{Phone: phone})
			run := w.start(lead)
			same := w.resolve(followup.Identity{Phone: phone, UserID: user})
			w.is(same, lead, "the lead with both identities")
			w.settle(w.resolve(followup.Identity{UserID: user}), w.message("hi"))
			w.ended(run, followup.Replied)
		}},
		{"the first reason stands", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			w.settle(lead, w.message("hi"))
			ended, err := w.s.Cancel(w.ctx, w.tenant, run, w.now, w.now)
			w.must(err, "Cancel")
			w.is(len(ended), 0, "runs ended by a cancel after the reply")
			w.finish(w.result(c, a))
			w.ended(run, followup.Replied)
		}},
		{"what opens the window without being a reply ends nothing", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			w.is(len(w.settle(lead, w.opening()).Ended), 0, "ended runs")
			w.is(w.run(run).State, followup.RunArmed, "state")
		}},
		{"of a reply and an opt-out in one item, the opt-out is the reason", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			stop := w.message("STOP")
			stop.OptOut = new(true)
			w.settle(lead, stop)
			w.ended(run, followup.OptedOut)
		}},
		{"a cancelled step has all its facts", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			due := w.run(run).DueAt
			w.pass(time.Minute)
			w.settle(lead, w.message("hi"))
			m := w.run(run).Timeline[0]
			w.is(m.Kind, followup.KindNone, "Kind")
			w.at(m.DueAt, due, "DueAt")
			w.at(m.At, w.now, "At")
			w.at(w.run(run).EndedAt, w.now, "EndedAt")
		}},
		{"every run concerned ends", func(w *world) {
			lead := w.lead()
			first := w.start(lead)
			arm := w.arm()
			arm.Assistant = w.support
			second := w.startWith(lead, arm)
			w.is(len(w.settle(lead, w.message("hi")).Ended), 2, "ended runs")
			w.ended(first, followup.Replied)
			w.ended(second, followup.Replied)
		}},
	}
	for _, at := range where {
		reply := func(w *world) followup.Item {
			m := w.message("hi")
			at.move(w, &m)
			return m
		}
		tests = append(tests,
			test{"voids armed, " + at.name, func(w *world) {
				lead := w.lead()
				run := w.start(lead)
				got := w.settle(lead, reply(w)).Ended
				w.is(got, []followup.Ended{{Run: run, Step: 1, Reason: followup.Replied}}, "ended")
				w.ended(run, followup.Replied)
				w.timeline(run, "1 cancelled/replied")
				w.pass(interval)
				w.is(len(w.claims()), 0, "steps to claim")
			}},
			test{"voids claimed, " + at.name, func(w *world) {
				lead := w.lead()
				run := w.start(lead)
				c := w.due()
				got := w.settle(lead, reply(w)).Ended
				w.is(got, []followup.Ended{{Run: run, Step: 1, Reason: followup.Replied}}, "ended")
				w.stale(c, "")
				w.timeline(run, "1 cancelled/replied")
				w.pass(lease)
				w.is(len(w.claims()), 0, "steps to claim after the lease")
			}},
			test{"in sending the result is recorded, then the run ends, " + at.name, func(w *world) {
				lead := w.lead()
				run := w.start(lead)
				c, a := w.sending()
				w.is(len(w.settle(lead, reply(w)).Ended), 0, "ended")
				w.is(w.run(run).State, followup.RunSending, "state")
				w.is(w.finish(w.result(c, a)).State, followup.RunEnded, "state after the result")
				w.ended(run, followup.Replied)
				w.timeline(run, "1 sent/template")
				w.stale(c, a)
			}},
		)
	}
	return tests
}

// silenceTests: a message of the business starts the wait anew.
func silenceTests() []test {
	ways := []struct {
		name  string
		speak func(w *world, lead followup.LeadID)
	}{
		{"echo", func(w *world, lead followup.LeadID) { w.settle(lead, w.echo()) }},
		{"echo on another channel", func(w *world, lead followup.LeadID) {
			e := w.echo()
			e.Channel = w.second
			w.settle(lead, e)
		}},
		{"message through the API", func(w *world, lead followup.LeadID) {
			w.is(w.guardSend(lead, false).Refusal, followup.Allowed, "GuardSend")
		}},
	}
	var tests []test
	for _, way := range ways {
		tests = append(tests,
			test{way.name + " restarts an armed step", func(w *world) {
				lead := w.lead()
				run := w.start(lead)
				w.pass(interval - time.Millisecond)
				way.speak(w, lead)
				w.at(w.run(run).DueAt, w.now.Add(interval), "due")
				w.pass(interval - time.Millisecond)
				w.is(len(w.claims()), 0, "steps before the new due")
				w.pass(time.Millisecond)
				w.is(w.claim().Run.ID, run, "run due")
				w.timeline(run, "1 …")
			}},
			test{way.name + " voids a claimed step and arms it again", func(w *world) {
				lead := w.lead()
				run := w.start(lead)
				c := w.due()
				way.speak(w, lead)
				w.is(w.run(run).State, followup.RunArmed, "state")
				w.at(w.run(run).DueAt, w.now.Add(interval), "due")
				w.stale(c, "")
				w.pass(interval)
				next := w.claim()
				w.is(next.Token != c.Token, true, "a new token")
				w.is(w.guard(next).Refusal, followup.Allowed, "guard of the new claim")
			}},
			test{way.name + " lets one in sending go on", func(w *world) {
				lead := w.lead()
				run := w.start(lead)
				c, a := w.sending()
				way.speak(w, lead)
				w.is(w.finish(w.result(c, a)).State, followup.RunArmed, "state after the result")
				w.timeline(run, "1 sent/template", "2 …")
			}},
			test{way.name + " restarts one in sending whose call is to be made again", func(w *world) {
				lead := w.lead()
				run := w.start(lead)
				c, _ := w.sending()
				w.pass(time.Second)
				way.speak(w, lead)
				due := w.now.Add(interval)
				w.pass(time.Second)
				w.is(w.guard(c).Refusal, followup.RefusedStale, "guard")
				w.stale(c, "")
				w.is(w.run(run).State, followup.RunArmed, "state")
				w.at(w.run(run).DueAt, due, "due")
				w.pass(interval)
				w.is(w.guard(w.claim()).Refusal, followup.Allowed, "guard of the new claim")
			}},
			test{way.name + " holds up a step in sending no longer than its wait", func(w *world) {
				lead := w.lead()
				w.start(lead)
				c, _ := w.sending()
				way.speak(w, lead)
				w.pass(interval)
				w.is(w.guard(c).Refusal, followup.Allowed, "guard when the wait is over")
			}},
			test{way.name + " restarts one in sending that comes back unsent", func(w *world) {
				for _, row := range []struct{ until, due time.Duration }{
					{0, interval}, {time.Minute, interval}, {2 * interval, 2 * interval},
				} {
					lead := w.lead()
					run := w.start(lead)
					c, _ := w.sending()
					way.speak(w, lead)
					until := time.Time{}
					if row.until > 0 {
						until = w.now.Add(row.until)
					}
					w.release(run, c.Token, until)
					w.at(w.run(run).DueAt, w.now.Add(row.due), "due after "+row.until.String())
					_, err := w.s.Cancel(w.ctx, w.tenant, run, w.now, w.now)
					w.must(err, "Cancel")
				}
			}},
			test{way.name + " while a step is sent delays none behind it", func(w *world) {
				lead := w.lead()
				run := w.start(lead)
				c, a := w.sending()
				way.speak(w, lead)
				f := w.result(c, a)
				f.Interval = interval / 2
				w.finish(f)
				w.at(w.run(run).DueAt, w.now.Add(interval/2), "due")
			}},
			test{way.name + " never brings a step forward", func(w *world) {
				lead := w.lead()
				run := w.start(lead)
				c := w.due()
				later := w.now.Add(24 * time.Hour)
				w.release(run, c.Token, later)
				way.speak(w, lead)
				w.at(w.run(run).DueAt, later, "due of a step put off")
			}},
		)
	}
	return append(tests,
		test{"a refused message restarts no wait", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			due := w.run(run).DueAt
			w.pass(time.Minute)
			w.is(w.guardSend(lead, true).Refusal, followup.RefusedWindow, "GuardSend")
			w.at(w.run(run).DueAt, due, "due")
		}},
		test{"a message of another assistant restarts no wait", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			due := w.run(run).DueAt
			w.pass(time.Minute)
			e := w.echo()
			e.Channel, e.Assistant = w.other, w.support
			w.settle(lead, e)
			w.at(w.run(run).DueAt, due, "due")
		}},
		test{"nothing else restarts the wait", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			due := w.run(run).DueAt
			w.pass(time.Minute)
			noted := w.note("status")
			noted.Entry = &followup.Entry{From: followup.FromBusiness, Text: "noted", At: w.now}
			w.settle(lead, w.opening(), noted, w.receipt("", providers.StatusRead, ""))
			w.at(w.run(run).DueAt, due, "due")
		}},
		test{"a restart of the wait is not reported", func(w *world) {
			lead := w.lead()
			w.start(lead)
			w.settle(lead, w.echo())
			w.is(w.told(w.sales), []string{"scheduled 1"}, "told")
		}},
	)
}

// moved reports whether err says that the lead was merged or erased.
func moved(err error) bool { return errors.Is(err, followup.ErrLeadMoved) }
