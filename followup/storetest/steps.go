package storetest

import (
	"errors"
	"time"

	"wagate/followup"
)

// atMostOnceTests: a step is sent under one claim at a time, and its result is
// recorded once.
func atMostOnceTests() []test {
	return []test{
		{"not claimed again before the lease has run out", func(w *world) {
			w.start(w.lead())
			c := w.due()
			w.pass(lease - time.Millisecond)
			w.is(len(w.claims()), 0, "claims 1 ms before")
			w.pass(time.Millisecond)
			again := w.claim()
			w.is(again.Token != c.Token, true, "a new token")
			w.is(again.Crashed, false, "Crashed")
			w.stale(c, "")
			w.is(w.guard(again).Refusal, followup.Allowed, "guard of the new claim")
		}},
		{"the lease runs in real time", func(w *world) {
			w.start(w.lead())
			c := w.due()
			b, err := w.s.Claim(w.ctx, followup.ClaimParams{
				Now: w.now.Add(24 * time.Hour), Real: w.now.Add(lease - time.Millisecond), Limit: 100, Lease: lease,
			})
			w.must(err, "Claim")
			for _, s := range b.Steps {
				w.is(s.Run.ID != c.Run.ID, true, "claimed again though only domain time passed")
			}
			w.is(w.guard(c).Refusal, followup.Allowed, "guard of the first claim")
		}},
		{"a claim that ran out and that nobody took still holds", func(w *world) {
			w.start(w.lead())
			c := w.due()
			w.pass(2 * lease)
			w.is(w.guard(c).Refusal, followup.Allowed, "guard")
		}},
		{"the guard renews the lease", func(w *world) {
			w.start(w.lead())
			c := w.due()
			w.pass(lease - time.Millisecond)
			w.is(w.guard(c).Refusal, followup.Allowed, "guard")
			w.pass(lease - time.Millisecond)
			w.is(len(w.claims()), 0, "claims before the renewed lease ran out")
		}},
		{"claimed by many at once, given to one", func(w *world) {
			w.start(w.lead())
			w.pass(interval)
			got := make(chan int, 10)
			for range cap(got) {
				go func() {
					b, err := w.s.Claim(w.ctx, followup.ClaimParams{Now: w.now, Real: w.now, Limit: 5, Lease: lease})
					if err != nil {
						w.Errorf("Claim: got error %v, want none", err)
					}
					n := 0
					for _, s := range b.Steps {
						if s.Run.Tenant == w.tenant {
							n++
						}
					}
					got <- n
				}()
			}
			total := 0
			for range cap(got) {
				total += <-got
			}
			w.is(total, 1, "claims of one step")
		}},
		{"a crash in sending is finished uncertain and never sent", func(w *world) {
			run := w.start(w.lead())
			_, a := w.sending()
			w.pass(lease)
			c := w.claim()
			w.is(c.Crashed, true, "Crashed")
			w.is(c.Attempt, a, "Attempt")
			w.is(c.Run.State, followup.RunSending, "state")
			w.is(w.guard(c).Refusal, followup.RefusedStale, "guard of a crashed step")
			w.release(run, c.Token, time.Time{})
			w.is(w.run(run).State, followup.RunSending, "state after a release of a crashed step")
			f := w.result(c, a)
			f.Outcome, f.Reason = followup.Uncertain, followup.Crash
			w.finish(f)
			w.timeline(run, "1 uncertain/crash", "2 …")
			w.stale(c, a)
		}},
		{"a crashed step is leased like any other", func(w *world) {
			w.start(w.lead())
			w.sending()
			w.pass(lease)
			w.claim()
			w.is(len(w.claims()), 0, "claims during the lease")
			w.pass(lease)
			w.is(w.claim().Crashed, true, "Crashed, once more")
		}},
		{"the late true result beats the guess", func(w *world) {
			run := w.start(w.lead())
			first, a := w.sending()
			w.pass(lease)
			c := w.claim()
			w.finish(w.result(first, a))
			guess := w.result(c, a)
			guess.Outcome, guess.Reason = followup.Uncertain, followup.Crash
			if _, err := w.s.FinishStep(w.ctx, guess); !errors.Is(err, followup.ErrStale) {
				w.Errorf("finish after the true result: got %v, want ErrStale", err)
			}
			w.timeline(run, "1 sent/template", "2 …")
		}},
		{"a result is recorded once", func(w *world) {
			run := w.start(w.lead())
			c, a := w.sending()
			w.finish(w.result(c, a))
			w.stale(c, a)
			w.timeline(run, "1 sent/template", "2 …")
			w.is(w.told(w.sales), []string{"scheduled 1", "sent 1 sent/template", "scheduled 2"}, "told")
		}},
		{"in sending a result needs the attempt", func(w *world) {
			run := w.start(w.lead())
			c, a := w.sending()
			for _, wrong := range []followup.AttemptID{"", run.Lead().Attempt(99), followup.AttemptID(c.Token)} {
				if _, err := w.s.FinishStep(w.ctx, w.result(c, wrong)); !errors.Is(err, followup.ErrStale) {
					w.Errorf("finish with attempt %q: got %v, want ErrStale", wrong, err)
				}
			}
			w.timeline(run, "1 …")
			f := w.result(c, a)
			f.Token = ""
			w.finish(f)
			w.timeline(run, "1 sent/template", "2 …")
		}},
		{"in claimed a result needs the token", func(w *world) {
			run := w.start(w.lead())
			c := w.due()
			f := w.result(c, "")
			f.Token, f.Outcome, f.Reason = "other", followup.Skipped, followup.TooLate
			if _, err := w.s.FinishStep(w.ctx, f); !errors.Is(err, followup.ErrStale) {
				w.Errorf("finish with another token: got %v, want ErrStale", err)
			}
			w.is(w.guardWith(c, func(g *followup.GuardStep) { g.Token = "other" }).Refusal, followup.RefusedStale, "guard")
			w.timeline(run, "1 …")
		}},
		{"an armed step cannot be guarded or finished", func(w *world) {
			run := w.start(w.lead())
			c := followup.Claimed{Run: w.run(run)}
			w.stale(c, "")
		}},
		{"each try has leave of its own, and the last attempt counts", func(w *world) {
			run := w.start(w.lead())
			c, first := w.sending()
			w.pass(time.Second)
			v := w.guard(c)
			w.is(v.Refusal, followup.Allowed, "guard of the second try")
			w.is(v.Attempt != first, true, "another attempt")
			if _, err := w.s.FinishStep(w.ctx, w.result(c, first)); !errors.Is(err, followup.ErrStale) {
				w.Errorf("finish with the attempt before: got %v, want ErrStale", err)
			}
			w.finish(w.result(c, v.Attempt))
			w.timeline(run, "1 sent/template", "2 …")
		}},
		{"the attempt names its lead and travels as opaque", func(w *world) {
			lead := w.lead()
			w.start(lead)
			v := w.guard(w.due())
			w.is(v.Attempt.Lead(), lead, "lead of the attempt")
			got, ok := followup.ParseOpaque(v.Opaque)
			w.is(got, v.Attempt, "attempt in %q", v.Opaque)
			w.is(ok, true, "opaque is ours")
		}},
		{"a refusal takes the step out of sending", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			c, _ := w.sending()
			w.is(w.guardWith(c, func(g *followup.GuardStep) { g.FreeForm = true }).Refusal, followup.RefusedWindow, "guard")
			w.is(w.run(run).State, followup.RunClaimed, "state")
			w.pass(lease)
			again := w.claim()
			w.is(again.Crashed, false, "Crashed, of a step that cannot have been sent")
		}},
	}
}

// nothingLostTests: every step that became due ends in one recorded outcome.
func nothingLostTests() []test {
	return []test{
		{"a run up its ladder", func(w *world) {
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
				"scheduled 3", "sent 3 sent/template", "completed 3 /completed",
			}, "told")
			w.said(lead, "hello", "hello")
		}},
		{"a moment has all its facts", func(w *world) {
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
		{"not before NotBefore", func(w *world) {
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
		{"used steps are kept", func(w *world) {
			run := w.start(w.lead())
			c, a := w.sending()
			f := w.result(c, a)
			f.UsedStep = 2
			w.finish(f)
			w.is(w.run(run).Used, followup.StepSet(0).With(2), "Used")
			w.pass(interval)
			w.is(w.claim().Run.Used.Has(2), true, "Used of the claimed run")
		}},
		{"released as before, no try counted", func(w *world) {
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
		{"put off, one try counted", func(w *world) {
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
		{"released out of sending by who knows that it was not sent", func(w *world) {
			run := w.start(w.lead())
			c, a := w.sending()
			w.release(run, c.Token, w.now.Add(time.Minute))
			w.is(w.run(run).State, followup.RunArmed, "state")
			w.stale(c, a)
		}},
		{"released out of sending after a reply, the run ends", func(w *world) {
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
				"scheduled 1", "failed 1 failed/undeliverable", "cancelled 1 /undeliverable",
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
		{"cancelled by the API", func(w *world) {
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
