package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// receiptTests: a receipt settles an uncertain result, and statuses obey their ranks.
func receiptTests() []test {
	const (
		accepted  = providers.StatusAccepted
		sent      = providers.StatusSent
		delivered = providers.StatusDelivered
		read      = providers.StatusRead
		failed    = providers.StatusFailed
	)
	table := []struct {
		name     string
		outcome  followup.Outcome
		receipts []providers.StatusState
		want     string
		settled  []followup.Outcome // the corrections, in order
	}{
		{"uncertain, sent", followup.Uncertain, []providers.StatusState{sent}, "1 uncertain/no_answer → sent", []followup.Outcome{followup.Sent}},
		{"uncertain, read", followup.Uncertain, []providers.StatusState{read}, "1 uncertain/no_answer → sent", []followup.Outcome{followup.Sent}},
		{"uncertain, sent, delivered, read", followup.Uncertain, []providers.StatusState{sent, delivered, read}, "1 uncertain/no_answer → sent", []followup.Outcome{followup.Sent}},
		{"uncertain, accepted", followup.Uncertain, []providers.StatusState{accepted}, "1 uncertain/no_answer", nil},
		{"uncertain, something new", followup.Uncertain, []providers.StatusState{providers.StatusOther}, "1 uncertain/no_answer", nil},
		{"uncertain, failed", followup.Uncertain, []providers.StatusState{failed}, "1 uncertain/no_answer → failed", []followup.Outcome{followup.Failed}},
		{"uncertain, sent, failed", followup.Uncertain, []providers.StatusState{sent, failed}, "1 uncertain/no_answer → failed", []followup.Outcome{followup.Sent, followup.Failed}},
		{"uncertain, failed, sent", followup.Uncertain, []providers.StatusState{failed, sent}, "1 uncertain/no_answer → failed", []followup.Outcome{followup.Failed}},
		{"uncertain, failed, delivered", followup.Uncertain, []providers.StatusState{failed, delivered}, "1 uncertain/no_answer → failed", []followup.Outcome{followup.Failed}},
		{"sent, failed", followup.Sent, []providers.StatusState{failed}, "1 sent/template → failed", []followup.Outcome{followup.Failed}},
		{"sent, accepted, failed", followup.Sent, []providers.StatusState{accepted, failed}, "1 sent/template → failed", []followup.Outcome{followup.Failed}},
		{"sent, failed, failed", followup.Sent, []providers.StatusState{failed, failed}, "1 sent/template → failed", []followup.Outcome{followup.Failed}},
		{"sent, delivered, failed", followup.Sent, []providers.StatusState{delivered, failed}, "1 sent/template", nil},
		{"sent, read, sent", followup.Sent, []providers.StatusState{read, sent}, "1 sent/template", nil},
		{"failed, delivered", followup.Failed, []providers.StatusState{delivered}, "1 failed/transient", nil},
	}
	reasons := map[followup.Outcome]followup.Reason{
		followup.Sent: followup.ByTemplate, followup.Uncertain: followup.NoAnswer, followup.Failed: followup.Transient,
	}
	now := map[followup.Outcome]string{followup.Sent: "sent/template", followup.Failed: "failed/operator"} // as it is told
	var tests []test
	for _, row := range table {
		tests = append(tests, test{row.name, func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			f := w.result(c, a)
			f.Outcome, f.Reason = row.outcome, reasons[row.outcome]
			w.finish(f)
			w.told(w.sales)
			from, corrections, told := row.outcome, []followup.Correction(nil), []string{}
			for _, to := range row.settled {
				corrections = append(corrections, followup.Correction{Run: run, Step: 1, From: from, To: to})
				told = append(told, "settled 1 "+now[to])
				from = to
			}
			var got []followup.Correction
			for _, state := range row.receipts {
				w.pass(time.Second)
				got = append(got, w.settle(lead, w.receipt(a, state, providers.Operator)).Corrections...)
			}
			w.is(got, corrections, "corrections")
			w.timeline(run, row.want, "2 …")
			w.is(w.told(w.sales), told, "told")
		}})
	}
	return append(tests,
		test{"a receipt before the answer is remembered and settled at the finish", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			w.is(len(w.settle(lead, w.receipt(a, delivered, "")).Corrections), 0, "corrections in sending")
			f := w.result(c, a)
			f.Outcome, f.Reason = followup.Uncertain, followup.NoAnswer
			w.finish(f)
			w.timeline(run, "1 uncertain/no_answer → sent", "2 …")
			w.is(w.told(w.sales), []string{
				"scheduled 1", "uncertain 1 uncertain/no_answer", "settled 1 sent/template", "scheduled 2",
			}, "told")
		}},
		test{"a failure before the answer is remembered and settled at the finish", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			w.settle(lead, w.receipt(a, failed, providers.Capped))
			w.finish(w.result(c, a))
			w.timeline(run, "1 sent/template → failed", "2 …")
		}},
		test{"a receipt after the run has ended", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			f := w.result(c, a)
			f.Outcome, f.Reason, f.Next = followup.Uncertain, followup.NoAnswer, -1
			w.finish(f)
			w.settle(lead, w.receipt(a, sent, ""))
			w.timeline(run, "1 uncertain/no_answer → sent")
			w.ended(run, followup.CompletedEnded)
		}},
		test{"the item's own event comes before the settlement", func(w *world) {
			lead := w.lead()
			w.start(lead)
			c, a := w.sending()
			w.finish(w.result(c, a))
			w.told(w.sales)
			it := w.receipt(a, failed, providers.Capped)
			it.Relay = w.event("status")
			w.settle(lead, it)
			w.is(w.told(w.sales), []string{"status", "settled 1 failed/capped"}, "told")
		}},
		test{"a receipt settles the step of its attempt, at its own time", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			var attempts []followup.AttemptID
			for range 2 {
				c, a := w.sending()
				f := w.result(c, a)
				f.Outcome, f.Reason = followup.Uncertain, followup.NoAnswer
				w.finish(f)
				attempts = append(attempts, a)
			}
			w.pass(time.Minute)
			w.settle(lead, w.receipt(attempts[1], delivered, ""))
			w.timeline(run, "1 uncertain/no_answer", "2 uncertain/no_answer → sent", "3 …")
			w.at(w.run(run).Timeline[1].SettledAt, w.now, "SettledAt")
			w.settle(lead, w.receipt(attempts[0], failed, providers.Unknown))
			w.timeline(run, "1 uncertain/no_answer → failed", "2 uncertain/no_answer → sent", "3 …")
		}},
		test{"a settlement is reported to the run's assistant, whoever has the channel since", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			f := w.result(c, a)
			f.Outcome, f.Reason, f.Next = followup.Uncertain, followup.NoAnswer, -1
			w.finish(f)
			w.told(w.sales)
			it := w.receipt(a, delivered, "")
			it.Assistant = w.support
			w.settle(lead, it)
			w.timeline(run, "1 uncertain/no_answer → sent")
			w.is(w.told(w.sales), []string{"settled 1 sent/template"}, "told")
		}},
		test{"only a failure has a failure's effects", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.opening())
			run := w.start(lead)
			for _, kind := range []providers.ErrorKind{providers.WindowClosed, providers.OptedOut, providers.Undeliverable} {
				w.settle(lead, w.receipt(w.guardSend(lead, true).Attempt, delivered, kind))
			}
			w.is(w.get(lead).OptedOut, false, "OptedOut")
			w.is(w.guardSend(lead, true).Refusal, followup.Allowed, "free-form")
			w.is(w.run(run).State, followup.RunArmed, "state")
		}},
		test{"capped postpones the armed step by a day, and never brings it forward", func(w *world) {
			for _, row := range []struct {
				kind      providers.ErrorKind
				wait, due time.Duration
			}{
				{providers.Capped, interval, 24 * time.Hour},
				{providers.Capped, 48 * time.Hour, 48 * time.Hour},
				{providers.Throttled, interval, interval},
			} {
				lead := w.lead()
				run := w.start(lead)
				c, a := w.sending()
				f := w.result(c, a)
				f.Interval = row.wait
				w.finish(f)
				w.settle(lead, w.receipt(a, failed, row.kind))
				w.at(w.run(run).DueAt, w.now.Add(row.due), "due after "+string(row.kind))
			}
		}},
		test{"capped before the answer, the next step waits for a day too", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			w.settle(lead, w.receipt(a, failed, providers.Capped))
			w.pass(time.Minute)
			f := w.result(c, a)
			f.Outcome, f.Reason = followup.Uncertain, followup.NoAnswer
			w.finish(f)
			w.timeline(run, "1 uncertain/no_answer → failed", "2 …")
			w.at(w.run(run).DueAt, w.now.Add(24*time.Hour-time.Minute), "due")
		}},
		test{"capped takes a claimed step from its worker and postpones it", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			w.finish(w.result(c, a))
			next := w.due()
			w.settle(lead, w.receipt(a, failed, providers.Capped))
			w.stale(next, "")
			w.at(w.run(run).DueAt, w.now.Add(24*time.Hour), "due")
			w.pass(24 * time.Hour)
			w.is(w.guard(w.due()).Refusal, followup.Allowed, "its guard a day later")
		}},
		test{"capped while the next step is in sending postpones the step after that", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			w.finish(w.result(c, a))
			c, b := w.sending()
			w.settle(lead, w.receipt(a, failed, providers.Capped))
			w.finish(w.result(c, b))
			w.timeline(run, "1 sent/template → failed", "2 sent/template", "3 …")
			w.at(w.run(run).DueAt, w.now.Add(24*time.Hour), "due")
		}},
		test{"capped while the next step is in sending postpones that step if it is not sent", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			w.finish(w.result(c, a))
			c, _ = w.sending()
			w.settle(lead, w.receipt(a, failed, providers.Capped))
			w.release(run, c.Token, w.now.Add(time.Minute))
			w.at(w.run(run).DueAt, w.now.Add(24*time.Hour), "due after it was given back")
			w.pass(24 * time.Hour)
			c = w.claim()
			w.is(w.guard(c).Refusal, followup.Allowed, "its guard a day later")
			w.settle(lead, w.receipt(w.guard(c).Attempt, failed, providers.Capped))
			w.is(w.guard(c).Refusal, followup.RefusedStale, "guard asked again")
			w.stale(c, "")
			w.at(w.run(run).DueAt, w.now.Add(24*time.Hour), "due after the guard was asked again")
		}},
		test{"capped of another message leaves the step alone", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			due := w.run(run).DueAt
			w.settle(lead, w.receipt(w.guardSend(lead, false).Attempt, failed, providers.Capped))
			w.at(w.run(run).DueAt, due, "due after a message through the API was capped")
		}},
		test{"undeliverable ends the run, its step failed", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			w.finish(w.result(c, a))
			got := w.settle(lead, w.receipt(a, failed, providers.Undeliverable))
			w.is(got.Ended, []followup.Ended{{Run: run, Step: 2, Reason: followup.Unreachable}}, "ended")
			w.ended(run, followup.Unreachable)
			w.timeline(run, "1 sent/template → failed", "2 failed/undeliverable")
		}},
		test{"undeliverable while sending ends the run after its result", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			w.is(len(w.settle(lead, w.receipt(a, failed, providers.Undeliverable)).Ended), 0, "ended")
			w.finish(w.result(c, a))
			w.ended(run, followup.Unreachable)
			w.timeline(run, "1 sent/template → failed")
		}},
		test{"opted out opts the lead out and ends all runs", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, a := w.sending()
			w.finish(w.result(c, a))
			arm := w.arm()
			arm.Assistant = w.support
			other := w.startWith(lead, arm)
			w.is(len(w.settle(lead, w.receipt(a, failed, providers.OptedOut)).Ended), 2, "ended")
			w.ended(run, followup.OptedOut)
			w.ended(other, followup.OptedOut)
			w.is(w.get(lead).OptedOut, true, "OptedOut")
		}},
		test{"a receipt about an API message settles no step, and its opt-out holds", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			a := w.guardSend(lead, false).Attempt
			w.recordSend(lead, a, func(*followup.RecordSend) {})
			got := w.settle(lead, w.receipt(a, failed, providers.Undeliverable))
			w.is(len(got.Ended)+len(got.Corrections), 0, "ended and corrected")
			w.is(w.run(run).State, followup.RunArmed, "state")
			b := w.guardSend(lead, false).Attempt
			w.settle(lead, w.receipt(b, failed, providers.OptedOut))
			w.ended(run, followup.OptedOut)
		}},
		test{"a failure of a message that was read means nothing", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.opening())
			a := w.guardSend(lead, true).Attempt
			w.settle(lead, w.receipt(a, read, ""))
			w.settle(lead, w.receipt(a, failed, providers.WindowClosed))
			w.is(w.guardSend(lead, true).Refusal, followup.Allowed, "free-form")
			w.settle(lead, w.receipt(a, failed, providers.OptedOut))
			w.is(w.get(lead).OptedOut, false, "OptedOut")
		}},
		test{"the failure of an earlier try does not settle the try that was sent", func(w *world) {
			paused := func(c followup.Claimed) {
				w.must(w.s.Pause(w.ctx, w.tenant, "", true), "Pause")
				w.is(w.guard(c).Refusal, followup.RefusedPaused, "guard while paused")
				w.must(w.s.Pause(w.ctx, w.tenant, "", false), "Pause")
			}
			for _, again := range []func(c followup.Claimed) followup.Claimed{
				func(c followup.Claimed) followup.Claimed { return c },
				func(c followup.Claimed) followup.Claimed {
					paused(c)
					return c
				},
				func(c followup.Claimed) followup.Claimed {
					w.release(c.Run.ID, c.Token, w.now.Add(time.Minute))
					w.pass(time.Minute)
					return w.claim()
				},
				func(c followup.Claimed) followup.Claimed {
					w.settle(c.Run.Lead, w.echo())
					w.is(w.guard(c).Refusal, followup.RefusedStale, "guard once the business has spoken")
					w.pass(interval)
					return w.claim()
				},
				func(c followup.Claimed) followup.Claimed {
					paused(c)
					w.settle(c.Run.Lead, w.echo())
					w.pass(interval)
					return w.claim()
				},
			} {
				for _, outcome := range []followup.Outcome{followup.Sent, followup.Uncertain} {
					lead := w.lead()
					run := w.start(lead)
					c, first := w.sending()
					c = again(c)
					second := w.guard(c).Attempt
					f := w.result(c, second)
					f.Outcome, f.Reason, f.Next = outcome, reasons[outcome], -1
					w.finish(f)
					w.is(len(w.settle(lead, w.receipt(first, failed, providers.Unknown)).Corrections), 0, "corrections")
					was := fmt.Sprintf("1 %s/%s", outcome, reasons[outcome])
					w.timeline(run, was)
					w.settle(lead, w.receipt(second, failed, providers.Unknown))
					w.timeline(run, was+" → failed")
				}
			}
		}},
		test{"an earlier try's delivery settles an uncertain last try, its failure does not", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, first := w.sending()
			f := w.result(c, w.guard(c).Attempt)
			f.Outcome, f.Reason = followup.Uncertain, followup.NoAnswer
			w.finish(f)
			w.settle(lead, w.receipt(first, failed, providers.Transient))
			w.timeline(run, "1 uncertain/no_answer", "2 …")
			w.settle(lead, w.receipt(first, delivered, ""))
			w.timeline(run, "1 uncertain/no_answer → sent", "2 …")
		}},
		test{"the failure of a step counts whatever was sent since", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, first := w.sending()
			w.finish(w.result(c, first))
			c, second := w.sending()
			w.finish(w.result(c, second))
			w.guardSend(lead, false)
			w.settle(lead, w.receipt(first, failed, providers.Unknown))
			w.timeline(run, "1 sent/template → failed", "2 sent/template", "3 …")
		}},
		test{"the failure of a step counts whatever another run sent meanwhile", func(w *world) {
			lead := w.lead()
			run, arm := w.start(lead), w.arm()
			arm.Assistant, arm.Channel = w.support, w.other
			w.startWith(lead, arm)
			w.pass(interval)
			both := w.claims()
			slices.SortFunc(both, func(a, b followup.Claimed) int { return cmp.Compare(a.Run.ID, b.Run.ID) })
			sent := w.result(both[0], w.guard(both[0]).Attempt)
			w.guard(both[1])
			w.finish(sent)
			w.settle(lead, w.receipt(sent.Attempt, failed, providers.Unknown))
			w.timeline(run, "1 sent/template → failed", "2 …")
		}},
		test{"the same state again has no effect", func(w *world) {
			lead := w.lead()
			a := w.guardSend(lead, false).Attempt
			w.settle(lead, w.receipt(a, failed, providers.OptedOut))
			w.pass(time.Second)
			back := w.item()
			back.OptOut = new(false)
			w.settle(lead, back, w.receipt(a, failed, providers.OptedOut))
			w.is(w.get(lead).OptedOut, false, "OptedOut")
		}},
		test{"a receipt about no attempt, or another lead's, has no effect", func(w *world) {
			lead, other := w.lead(), w.lead()
			run := w.start(lead)
			c, a := w.sending()
			f := w.result(c, a)
			f.Outcome, f.Reason = followup.Uncertain, followup.NoAnswer
			w.finish(f)
			w.is(len(w.settle(other, w.receipt(a, sent, "")).Corrections), 0, "corrections by another lead")
			w.settle(lead, w.receipt("", failed, providers.OptedOut), w.receipt(lead.Attempt(77), failed, providers.OptedOut))
			w.is(w.get(lead).OptedOut, false, "OptedOut")
			w.timeline(run, "1 uncertain/no_answer", "2 …")
		}},
	)
}
