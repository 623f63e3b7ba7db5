package storetest

import (
	"time"

	"wagate/followup"
)

// nothingLostTests: every step that became due ends in one recorded outcome.
func nothingLostTests() []test {
	return []test{
		{"a run climbs its ladder", func(w *world) {
			lead := w.lead()
			began := w.now
			run := w.start(lead)
			w.at(w.run(run).StartedAt, began, "StartedAt")
			w.at(w.run(run).DueAt, began.Add(interval), "due of step 1")

			c, a := w.sending()
			w.pass(time.Second)
			f := w.result(c, a)
			f.Interval = 2 * time.Hour
			out := w.finish(f)
			w.is(out.State, followup.RunArmed, "state after step 1")
			w.at(out.Due, w.now.Add(2*time.Hour), "due of step 2")

			w.pass(2 * time.Hour)
			c = w.claim()
			w.is(c.Run.Step, 1, "step")
			w.is(c.Run.Interval, 2*time.Hour, "interval")
			f = w.result(c, "")
			f.Kind, f.Outcome, f.Reason, f.Text, f.MessageID = followup.KindNone, followup.Skipped, followup.TooLate, "", ""
			w.finish(f)

			w.pass(interval)
			c = w.claim()
			v := w.guard(c)
			f = w.result(c, v.Attempt)
			f.Next = -1
			w.is(w.finish(f).State, followup.RunEnded, "state after the last step")
			w.ended(run, followup.CompletedEnded)
			w.at(w.run(run).EndedAt, w.now, "EndedAt")
			w.timeline(run, "1 sent/template", "2 skipped/too_late", "3 sent/template")
			w.is(w.told(w.sales), []string{
				"scheduled 1", "sent 1 sent/template",
				"scheduled 2", "skipped 2 skipped/too_late",
				"scheduled 3", "sent 3 sent/template", "completed 3",
			}, "told")
			w.said(lead, "hello", "hello")
		}},
		{"a timeline entry has all its facts", func(w *world) {
			run := w.start(w.lead())
			due := w.run(run).DueAt
			c, a := w.sending()
			w.pass(time.Second)
			w.finish(w.result(c, a))
			m := w.run(run).Timeline[0]
			w.is(m.Kind, followup.KindTemplate, "Kind")
			w.is(m.MessageID, "wamid.1", "MessageID")
			w.at(m.DueAt, due, "DueAt")
			w.at(m.At, w.now, "At")
		}},
		{"a step is due no earlier than NotBefore", func(w *world) {
			w.start(w.lead())
			c, a := w.sending()
			f := w.result(c, a)
			f.NotBefore = w.now.Add(24 * time.Hour)
			w.at(w.finish(f).Due, f.NotBefore, "due")
		}},
		{"an earlier NotBefore changes nothing", func(w *world) {
			w.start(w.lead())
			c, a := w.sending()
			f := w.result(c, a)
			f.NotBefore = w.now.Add(time.Second)
			w.at(w.finish(f).Due, w.now.Add(interval), "due")
		}},
		{"Used is kept", func(w *world) {
			run := w.start(w.lead())
			c, a := w.sending()
			f := w.result(c, a)
			f.UsedStep = 2
			w.finish(f)
			w.is(w.run(run).Used, followup.StepSet(0).With(2), "Used")
			w.pass(interval)
			w.is(w.claim().Run.Used.Has(2), true, "Used of the claimed run")
		}},
		{"a released step counts no try", func(w *world) {
			run := w.start(w.lead())
			due := w.run(run).DueAt
			c := w.due()
			w.release(run, c.Token, time.Time{})
			w.is(w.run(run).State, followup.RunArmed, "state")
			w.at(w.run(run).DueAt, due, "due")
			again := w.claim()
			w.is(again.Run.Tries, 0, "Tries")
			w.stale(c, "")
		}},
		{"a postponed step counts one try", func(w *world) {
			run := w.start(w.lead())
			c := w.due()
			later := w.now.Add(time.Minute)
			w.release(run, c.Token, later)
			w.at(w.run(run).DueAt, later, "due")
			w.pass(time.Minute - time.Millisecond)
			w.is(len(w.claims()), 0, "claims before")
			w.pass(time.Millisecond)
			c = w.claim()
			w.is(c.Run.Tries, 1, "Tries")
			w.finish(w.result(c, ""))
			w.is(w.run(run).Tries, 0, "Tries of the next step")
		}},
		{"a step that was surely not sent is released out of sending", func(w *world) {
			run := w.start(w.lead())
			c, a := w.sending()
			w.release(run, c.Token, w.now.Add(time.Minute))
			w.is(w.run(run).State, followup.RunArmed, "state")
			w.stale(c, a)
		}},
		{"a step released out of sending after a reply ends the run", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, _ := w.sending()
			w.settle(lead, w.message("hi"))
			w.pass(time.Second)
			w.must(w.s.ReleaseStep(w.ctx, followup.ReleaseStep{
				Run: run, Token: c.Token, Until: w.now.Add(time.Minute), Now: w.now, Real: w.now.Add(1000 * time.Hour),
			}), "ReleaseStep")
			w.ended(run, followup.Replied)
			w.at(w.run(run).EndedAt, w.now, "ended, in domain time")
			w.timeline(run, "1 cancelled/replied")
		}},
		{"an end reason ends the run", func(w *world) {
			run := w.start(w.lead())
			c, a := w.sending()
			f := w.result(c, a)
			f.Outcome, f.Reason, f.EndReason, f.Text = followup.Failed, followup.Undeliverable, followup.Unreachable, ""
			w.is(w.finish(f).State, followup.RunEnded, "state")
			w.ended(run, followup.Unreachable)
			w.timeline(run, "1 failed/undeliverable")
			w.is(w.told(w.sales), []string{
				"scheduled 1", "failed 1 failed/undeliverable", "cancelled 1 null/undeliverable",
			}, "told")
		}},
		{"a result that opts the lead out ends all runs", func(w *world) {
			lead := w.lead()
			arm := w.arm()
			arm.Assistant, arm.Interval = w.support, 2*interval
			other := w.startWith(lead, arm)
			run := w.start(lead)
			c, a := w.sending()
			f := w.result(c, a)
			f.Outcome, f.Reason, f.OptOut, f.Text = followup.Failed, followup.Unknown, true, ""
			w.is(w.finish(f).State, followup.RunEnded, "state")
			w.ended(run, followup.OptedOut)
			w.timeline(run, "1 failed/unknown")
			w.ended(other, followup.OptedOut)
			w.is(w.get(lead).OptedOut, true, "OptedOut")
		}},
		{"the assistant is told what was sent", func(w *world) {
			run := w.start(w.lead())
			c, a := w.sending()
			w.told(w.sales)
			f := w.result(c, a)
			f.Next = -1
			w.finish(f)
			e := w.delivery().Events[0]
			w.is(e.Channel, w.main, "channel")
			w.is(e.Field, "followup", "field")
			w.sameJSON(e.Value, map[string]any{
				"event": "sent", "run_id": string(run), "lead_id": string(run.Lead()), "step": 1,
				"outcome": "sent", "reason": "template", "text": "hello", "message_id": "wamid.1",
			})
		}},
		{"a step that opts the lead out tells its own run's end before that of another run", func(w *world) {
			lead := w.lead()
			first := w.start(lead)
			c, a := w.sending()
			w.start(lead)
			f := w.result(c, a)
			f.Outcome, f.Reason, f.OptOut, f.Text = followup.Failed, followup.Unknown, true, ""
			w.finish(f)
			w.ended(first, followup.Restarted)
			w.is(w.told(w.sales), []string{
				"scheduled 1", "scheduled 1", "failed 1 failed/unknown", "cancelled 1 null/restarted", "cancelled 1 cancelled/opted_out",
			}, "told")
		}},
		{"a run is cancelled by the API", func(w *world) {
			run := w.start(w.lead())
			ended, err := w.s.Cancel(w.ctx, w.tenant, run, w.now, w.now)
			w.must(err, "Cancel")
			w.is(ended, []followup.Ended{{Run: run, Step: 1, Reason: followup.ByAPI}}, "ended")
			w.timeline(run, "1 cancelled/api")
			before := w.run(run)
			w.pass(time.Second)
			ended, err = w.s.Cancel(w.ctx, w.tenant, run, w.now, w.now)
			w.must(err, "Cancel of an ended run")
			w.is(len(ended), 0, "ended by the second cancel")
			w.is(w.run(run), before, "run after the second cancel")
			w.is(w.told(w.sales), []string{"scheduled 1", "cancelled 1 cancelled/api"}, "told")
		}},
		{"ended runs can be read for 30 days", func(w *world) {
			lead := w.lead()
			first := w.start(lead)
			w.start(lead)
			w.pass(followup.RunAge - time.Second)
			w.start(lead)
			w.ended(first, followup.Restarted)
			runs, err := w.s.Runs(w.ctx, w.tenant, lead)
			w.must(err, "Runs")
			w.is(len(runs), 3, "runs")
			w.is(runs[2].ID, first, "the oldest is last")
		}},
	}
}
