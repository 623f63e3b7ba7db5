package storetest

import (
	"errors"
	"time"

	"wagate/followup"
)

// atMostOnceTests: a step is sent under one claim at a time, and its result is recorded once.
func atMostOnceTests() []test {
	return []test{
		{"a step is not claimed again before its lease has run out", func(w *world) {
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
		{"a claim that ran out holds until another takes the step", func(w *world) {
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
		{"one of many at once claims the step", func(w *world) {
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
				w.Errorf("FinishStep after the true result: got %v, want ErrStale", err)
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
		{"a result of a step in sending needs the attempt", func(w *world) {
			run := w.start(w.lead())
			c, a := w.sending()
			for _, wrong := range []followup.AttemptID{"", run.Lead().Attempt(99), followup.AttemptID(c.Token)} {
				if _, err := w.s.FinishStep(w.ctx, w.result(c, wrong)); !errors.Is(err, followup.ErrStale) {
					w.Errorf("FinishStep with attempt %q: got %v, want ErrStale", wrong, err)
				}
			}
			w.timeline(run, "1 …")
			f := w.result(c, a)
			f.Token = ""
			w.finish(f)
			w.timeline(run, "1 sent/template", "2 …")
		}},
		{"a result of a claimed step needs the token", func(w *world) {
			run := w.start(w.lead())
			c := w.due()
			f := w.result(c, "")
			f.Token, f.Outcome, f.Reason = "other", followup.Skipped, followup.TooLate
			if _, err := w.s.FinishStep(w.ctx, f); !errors.Is(err, followup.ErrStale) {
				w.Errorf("FinishStep with another token: got %v, want ErrStale", err)
			}
			w.is(w.guardWith(c, func(g *followup.GuardStep) { g.Token = "other" }).Refusal, followup.RefusedStale, "guard")
			w.timeline(run, "1 …")
		}},
		{"an armed step cannot be guarded or finished", func(w *world) {
			run := w.start(w.lead())
			c := followup.Claimed{Run: w.run(run)}
			w.stale(c, "")
		}},
		{"each try needs the guard, and the last attempt counts", func(w *world) {
			run := w.start(w.lead())
			c, first := w.sending()
			w.pass(time.Second)
			v := w.guard(c)
			w.is(v.Refusal, followup.Allowed, "guard of the second try")
			w.is(v.Attempt != first, true, "another attempt")
			if _, err := w.s.FinishStep(w.ctx, w.result(c, first)); !errors.Is(err, followup.ErrStale) {
				w.Errorf("FinishStep with the previous attempt: got %v, want ErrStale", err)
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
