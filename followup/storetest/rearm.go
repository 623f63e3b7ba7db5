package storetest

import (
	"time"

	"wagate/followup"
)

// rearmTests: rearm_on_reply starts a run anew with the next message of the business.
func rearmTests() []test {
	// replied starts a run with rearm_on_reply and lets the lead reply, so that a rearm waits.
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
		{"an echo reports Rearm, and Start starts one run", func(w *world) {
			lead, arm := replied(w)
			w.is(w.settle(lead, w.echo()).Rearm, []followup.AssistantID{w.sales}, "Rearm")
			w.is(w.settle(lead, w.echo()).Rearm, []followup.AssistantID{w.sales}, "Rearm until it is started")
			w.is(start(w, lead, arm) != "", true, "a run was started")
			w.is(start(w, lead, arm), followup.RunID(""), "run of a second Start")
			w.is(len(w.settle(lead, w.echo()).Rearm), 0, "Rearm after it was started")
		}},
		{"no run for a lead that answered the business before Start", func(w *world) {
			lead, arm := replied(w)
			// The lead is known to the assistant and has nothing new in its record, like most leads
			// who answer at once.
			w.settle(lead, w.message("known"))
			for _, speak := range []func() []followup.AssistantID{
				func() []followup.AssistantID { return w.settle(lead, w.echo()).Rearm },
				func() []followup.AssistantID { return w.guardSend(lead, false).Rearm },
			} {
				for _, opens := range []bool{true, false} { // as a reaction does not
					w.is(speak(), []followup.AssistantID{w.sales}, "Rearm")
					w.pass(time.Second)
					answer := w.message("I am here")
					answer.Opens = opens
					w.settle(lead, answer)
					w.is(start(w, lead, arm), followup.RunID(""), "run of a Start after the answer")
				}
			}
			w.settle(lead, w.echo())
			elsewhere := w.message("to another")
			elsewhere.Channel, elsewhere.Assistant = w.other, w.support
			w.settle(lead, elsewhere)
			w.is(start(w, lead, arm) != "", true, "a run was started, once the business spoke again")
		}},
		{"an echo of a message before the reply does not report Rearm, though it comes later", func(w *world) {
			lead, arm := replied(w)
			early := w.echo()
			early.At = w.now.Add(-time.Second)
			w.is(len(w.settle(lead, early).Rearm), 0, "Rearm")
			w.is(start(w, lead, arm), followup.RunID(""), "run of a Start by rearm")
			w.is(w.settle(lead, w.echo()).Rearm, []followup.AssistantID{w.sales}, "Rearm by what was said in the second of the reply")
			w.settle(lead, early)
			w.is(start(w, lead, arm) != "", true, "a run was started")
		}},
		{"an echo and the answer in one batch", func(w *world) {
			lead, arm := replied(w)
			w.settle(lead, w.echo(), w.message("I am here"))
			w.is(start(w, lead, arm), followup.RunID(""), "run of a Start after the answer")
			w.is(w.guardSend(lead, false).Rearm, []followup.AssistantID{w.sales}, "Rearm, which is still there")
		}},
		{"no run once the window has moved since the business spoke", func(w *world) {
			lead, arm := replied(w)
			w.settle(lead, w.echo())
			w.pass(time.Second)
			moves := w.message("no reply")
			moves.Reply = false
			w.settle(lead, moves)
			w.is(start(w, lead, arm), followup.RunID(""), "run of a Start by rearm")
			w.settle(lead, w.echo())
			w.is(start(w, lead, arm) != "", true, "a run was started, once the business spoke again")
		}},
		{"no run before the business has spoken", func(w *world) {
			lead, arm := replied(w)
			w.is(start(w, lead, arm), followup.RunID(""), "run of a Start by rearm")
			w.settle(lead, w.echo())
			w.is(start(w, lead, arm) != "", true, "a run was started")
			w.settle(lead, w.message("hi"))
			w.is(start(w, lead, arm), followup.RunID(""), "run of a Start by rearm, after another reply")
		}},
		{"a message through the API reports Rearm", func(w *world) {
			lead, _ := replied(w)
			w.is(w.guardSend(lead, false).Rearm, []followup.AssistantID{w.sales}, "Rearm")
		}},
		{"a message of another assistant does not report Rearm", func(w *world) {
			lead, _ := replied(w)
			e := w.echo()
			e.Channel, e.Assistant = w.other, w.support
			w.is(len(w.settle(lead, e).Rearm), 0, "Rearm")
		}},
		{"a run that a status started is rearmed while the status lasts", func(w *world) {
			lead := w.lead()
			arm := w.arm()
			arm.RearmOnReply = true
			w.put(lead, "trigger", &arm)
			w.settle(lead, w.message("hi"))
			w.is(w.settle(lead, w.echo()).Rearm, []followup.AssistantID{w.sales}, "Rearm")
			w.edit(lead, func(l *followup.Lead) { l.StatusID = "won" })
			w.is(len(w.settle(lead, w.echo()).Rearm), 0, "Rearm when the status is another, though StatusChanged was not set")
		}},
		{"a reply to a run that is marked ending leaves no Rearm", func(w *world) {
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
		{"a reply to another assistant leaves no Rearm", func(w *world) {
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
		{"no Rearm without RearmOnReply", func(w *world) {
			lead := w.lead()
			w.start(lead)
			w.settle(lead, w.message("hi"))
			w.is(len(w.settle(lead, w.echo()).Rearm), 0, "Rearm")
			w.is(start(w, lead, w.arm()), followup.RunID(""), "run of a Start by rearm")
		}},
		{"a reply in sending leaves a Rearm, too", func(w *world) {
			lead := w.lead()
			arm := w.arm()
			arm.RearmOnReply = true
			w.startWith(lead, arm)
			c, a := w.sending()
			w.settle(lead, w.message("hi"))
			w.finish(w.result(c, a))
			w.is(w.settle(lead, w.echo()).Rearm, []followup.AssistantID{w.sales}, "Rearm")
		}},
		{"Rearm is forgotten when the status changes", func(w *world) {
			lead, arm := replied(w)
			p := followup.PutLead{Lead: w.get(lead), StatusChanged: true, Now: w.now, Real: w.now}
			p.Lead.StatusID = "won"
			_, err := w.s.PutLead(w.ctx, p)
			w.must(err, "PutLead")
			w.is(len(w.settle(lead, w.echo()).Rearm), 0, "Rearm")
			w.is(start(w, lead, arm), followup.RunID(""), "run of a Start by rearm")
		}},
		{"Rearm is forgotten when a run is started by hand", func(w *world) {
			lead, arm := replied(w)
			w.start(lead)
			w.is(start(w, lead, arm), followup.RunID(""), "run of a Start by rearm")
		}},
		{"no Rearm for a lead that has opted out since", func(w *world) {
			lead, arm := replied(w)
			out := w.item()
			out.OptOut = new(true)
			w.settle(lead, w.echo(), out)
			w.is(start(w, lead, arm), followup.RunID(""), "run of a Start by rearm")
			w.pass(time.Second)
			back := w.item()
			back.OptOut = new(false)
			w.is(len(w.settle(lead, back, w.echo()).Rearm), 0, "Rearm once the lead resumed, when it is forgotten")
		}},
	}
}
