package storetest

import (
	"errors"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// replyTests: a reply settled before the guard prevents the send, wherever the
// step was.
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
		{"elsewhere ends nothing", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			m := w.message("hi")
			m.Channel, m.Assistant = w.other, w.support
			w.is(len(w.settle(lead, m).Ended), 0, "ended runs")
			w.is(w.run(run).State, followup.RunArmed, "state")
		}},
		{"between two tries in sending ends the run there", func(w *world) {
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
		{"by an identity linked later to the same lead", func(w *world) {
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
		{"with an opt-out in one, the opt-out is the reason", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			stop := w.message("STOP")
			stop.OptOut = new(true)
			w.settle(lead, stop)
			w.ended(run, followup.OptedOut)
		}},
		{"what was cancelled has all its facts", func(w *world) {
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

// silenceTests: a message of the business starts the wait again.
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
		test{"a refused message restarts nothing", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			due := w.run(run).DueAt
			w.pass(time.Minute)
			w.is(w.guardSend(lead, true).Refusal, followup.RefusedWindow, "GuardSend")
			w.at(w.run(run).DueAt, due, "due")
		}},
		test{"speech elsewhere restarts nothing", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			due := w.run(run).DueAt
			w.pass(time.Minute)
			e := w.echo()
			e.Channel, e.Assistant = w.other, w.support
			w.settle(lead, e)
			w.at(w.run(run).DueAt, due, "due")
		}},
		test{"nothing else restarts", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			due := w.run(run).DueAt
			w.pass(time.Minute)
			noted := w.note("status")
			noted.Entry = &followup.Entry{From: followup.FromBusiness, Text: "noted", At: w.now}
			w.settle(lead, w.opening(), noted, w.receipt("", providers.StatusRead, ""))
			w.at(w.run(run).DueAt, due, "due")
		}},
		test{"a restart is not told", func(w *world) {
			lead := w.lead()
			w.start(lead)
			w.settle(lead, w.echo())
			w.is(w.told(w.sales), []string{"scheduled 1"}, "told")
		}},
	)
}

// rearmTests: rearm_on_reply starts a run anew with the next message of the business.
func rearmTests() []test {
	// replied leaves a rearm waiting.
	replied := func(w *world) (followup.LeadID, followup.Arm) {
		lead := w.lead()
		arm := w.arm()
		arm.RearmOnReply = true
		w.startWith(lead, arm)
		w.settle(lead, w.message("hi"))
		return lead, arm
	}
	start := func(w *world, lead followup.LeadID, a followup.Arm) followup.RunID {
		id, _, err := w.s.Start(w.ctx, w.tenant, lead, a, true, w.now, w.now)
		w.must(err, "Start")
		return id
	}
	return []test{
		{"an echo tells, and Start starts once", func(w *world) {
			lead, arm := replied(w)
			w.is(w.settle(lead, w.echo()).Rearm, []followup.AssistantID{w.sales}, "Rearm")
			w.is(w.settle(lead, w.echo()).Rearm, []followup.AssistantID{w.sales}, "Rearm until it is started")
			w.is(start(w, lead, arm) != "", true, "a run was started")
			w.is(start(w, lead, arm), followup.RunID(""), "run of a second Start")
			w.is(len(w.settle(lead, w.echo()).Rearm), 0, "Rearm after it was started")
		}},
		{"not for who answered what the business said, before Start came to it", func(w *world) {
			lead, arm := replied(w)
			// Known to the assistant, and with nothing new to tell, as most who answer at once.
			w.settle(lead, w.message("known"))
			for _, speak := range []func() []followup.AssistantID{
				func() []followup.AssistantID { return w.settle(lead, w.echo()).Rearm },
				func() []followup.AssistantID { return w.guardSend(lead, false).Rearm },
			} {
				w.is(speak(), []followup.AssistantID{w.sales}, "Rearm")
				w.pass(time.Second)
				w.settle(lead, w.message("I am here"))
				w.is(start(w, lead, arm), followup.RunID(""), "run of a Start behind his answer")
			}
			w.settle(lead, w.echo())
			elsewhere := w.message("to another")
			elsewhere.Channel, elsewhere.Assistant = w.other, w.support
			w.settle(lead, elsewhere)
			w.is(start(w, lead, arm) != "", true, "a run was started, once he was spoken to again")
		}},
		{"an echo of what was said before the reply does not tell, though it comes later", func(w *world) {
			lead, arm := replied(w)
			early := w.echo()
			early.At = w.now.Add(-time.Second)
			w.is(len(w.settle(lead, early).Rearm), 0, "Rearm")
			w.is(start(w, lead, arm), followup.RunID(""), "run of a Start by rearm")
			w.is(w.settle(lead, w.echo()).Rearm, []followup.AssistantID{w.sales}, "Rearm by what was said in the second of the reply")
			w.settle(lead, early)
			w.is(start(w, lead, arm) != "", true, "a run was started")
		}},
		{"an echo and his answer in one batch", func(w *world) {
			lead, arm := replied(w)
			w.settle(lead, w.echo(), w.message("I am here"))
			w.is(start(w, lead, arm), followup.RunID(""), "run of a Start behind his answer")
			w.is(w.guardSend(lead, false).Rearm, []followup.AssistantID{w.sales}, "Rearm, as it goes on waiting")
		}},
		{"not before the business has spoken", func(w *world) {
			lead, arm := replied(w)
			w.is(start(w, lead, arm), followup.RunID(""), "run of a Start by rearm")
			w.settle(lead, w.echo())
			w.is(start(w, lead, arm) != "", true, "a run was started")
			w.settle(lead, w.message("hi"))
			w.is(start(w, lead, arm), followup.RunID(""), "run of a Start by rearm, after another reply")
		}},
		{"a message through the API tells", func(w *world) {
			lead, _ := replied(w)
			w.is(w.guardSend(lead, false).Rearm, []followup.AssistantID{w.sales}, "Rearm")
		}},
		{"speech of another assistant does not", func(w *world) {
			lead, _ := replied(w)
			e := w.echo()
			e.Channel, e.Assistant = w.other, w.support
			w.is(len(w.settle(lead, e).Rearm), 0, "Rearm")
		}},
		{"of a run that a status started", func(w *world) {
			lead := w.lead()
			arm := w.arm()
			arm.RearmOnReply = true
			w.put(lead, "trigger", &arm)
			w.settle(lead, w.message("hi"))
			w.is(w.settle(lead, w.echo()).Rearm, []followup.AssistantID{w.sales}, "Rearm")
			w.edit(lead, func(l *followup.Lead) { l.StatusID = "won" })
			w.is(len(w.settle(lead, w.echo()).Rearm), 0, "Rearm when the status is another, though no change was told of")
		}},
		{"a reply to a run that is marked ending leaves none", func(w *world) {
			lead := w.lead()
			arm := w.arm()
			arm.RearmOnReply = true
			run := w.startWith(lead, arm)
			c, a := w.sending()
			_, err := w.s.Cancel(w.ctx, w.tenant, run, w.now, w.now)
			w.must(err, "Cancel")
			w.settle(lead, w.message("hi"))
			w.finish(w.result(c, a))
			w.ended(run, followup.ByAPI)
			w.is(len(w.settle(lead, w.echo()).Rearm), 0, "Rearm")
		}},
		{"a reply elsewhere leaves none", func(w *world) {
			lead := w.lead()
			arm := w.arm()
			arm.RearmOnReply = true
			w.startWith(lead, arm)
			m := w.message("hi")
			m.Channel, m.Assistant = w.other, w.support
			w.settle(lead, m)
			w.is(len(w.settle(lead, w.echo()).Rearm), 0, "Rearm")
		}},
		{"a reply and an echo in one batch", func(w *world) {
			lead := w.lead()
			arm := w.arm()
			arm.RearmOnReply = true
			w.startWith(lead, arm)
			both := w.echo()
			both.Reply = true
			w.is(w.settle(lead, both).Rearm, []followup.AssistantID{w.sales}, "Rearm")
		}},
		{"not without RearmOnReply", func(w *world) {
			lead := w.lead()
			w.start(lead)
			w.settle(lead, w.message("hi"))
			w.is(len(w.settle(lead, w.echo()).Rearm), 0, "Rearm")
			w.is(start(w, lead, w.arm()), followup.RunID(""), "run of a Start by rearm")
		}},
		{"a reply in sending leaves one too", func(w *world) {
			lead := w.lead()
			arm := w.arm()
			arm.RearmOnReply = true
			w.startWith(lead, arm)
			c, a := w.sending()
			w.settle(lead, w.message("hi"))
			w.finish(w.result(c, a))
			w.is(w.settle(lead, w.echo()).Rearm, []followup.AssistantID{w.sales}, "Rearm")
		}},
		{"forgotten when the status changes", func(w *world) {
			lead, arm := replied(w)
			p := followup.PutLead{Lead: w.get(lead), StatusChanged: true, Now: w.now, Real: w.now}
			p.Lead.StatusID = "won"
			_, err := w.s.PutLead(w.ctx, p)
			w.must(err, "PutLead")
			w.is(len(w.settle(lead, w.echo()).Rearm), 0, "Rearm")
			w.is(start(w, lead, arm), followup.RunID(""), "run of a Start by rearm")
		}},
		{"forgotten when a run is started by hand", func(w *world) {
			lead, arm := replied(w)
			w.start(lead)
			w.is(start(w, lead, arm), followup.RunID(""), "run of a Start by rearm")
		}},
		{"not for a lead who opted out since", func(w *world) {
			lead, arm := replied(w)
			out := w.item()
			out.OptOut = new(true)
			w.settle(lead, w.echo(), out)
			w.is(start(w, lead, arm), followup.RunID(""), "run of a Start by rearm")
			w.pass(time.Second)
			back := w.item()
			back.OptOut = new(false)
			w.is(len(w.settle(lead, back, w.echo()).Rearm), 0, "Rearm once the lead came back: it is forgotten")
		}},
	}
}

// moved reports whether err says that the lead is not there any more.
func moved(err error) bool { return errors.Is(err, followup.ErrLeadMoved) }
