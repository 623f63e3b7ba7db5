package storetest

import (
	"errors"
	"time"

	"wagate/followup"
)

// leaseTests: only the holder of a lease can extend it.
func leaseTests() []test {
	return []test{
		{"a lease that is extended ends later, by real time, and never sooner", func(w *world) {
			run := w.start(w.lead())
			c := w.due()
			claimed := w.now
			extend := func(real time.Time, d time.Duration) {
				w.Helper()
				w.must(w.s.ExtendStep(w.ctx, run, c.Token, real, d), "ExtendStep")
			}
			w.pass(lease - time.Millisecond)
			extend(w.now, lease)
			w.pass(lease - time.Millisecond)
			w.is(len(w.claims()), 0, "claims 1 ms before its new end")
			w.is(w.guard(c).Refusal, followup.Allowed, "guard")
			extend(w.now, 2*lease) // also while the step is in sending
			extend(claimed, lease)
			extend(w.now, time.Millisecond)
			w.pass(2*lease - time.Millisecond)
			w.is(len(w.claims()), 0, "claims 1 ms before its last end")
			w.pass(time.Millisecond)
			w.is(w.claim().Crashed, true, "Crashed, when it has run out")
		}},
		{"only its holder extends a lease", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			stale := func(token, what string) {
				w.Helper()
				if err := w.s.ExtendStep(w.ctx, run, token, w.now, time.Hour); !errors.Is(err, followup.ErrStale) {
					w.Errorf("%s: got %v, want ErrStale", what, err)
				}
			}
			stale("", "armed")
			c := w.due()
			stale("other", "with another token")
			w.is(w.guard(c).Refusal, followup.Allowed, "guard")
			stale("other", "in sending, with another token")
			w.pass(lease)
			crashed := w.claim()
			stale(c.Token, "claimed by another since")
			stale(crashed.Token, "crashed")
			w.pass(lease)
			w.is(w.claim().Crashed, true, "claimed once more, as nobody extended it")
			f := w.result(c, crashed.Attempt)
			f.Next = -1
			w.finish(f)
			stale(c.Token, "ended")
		}},
		{"I7 a claim after a lease that ran out counts as a lapse and not as a try", func(w *world) {
			run := w.start(w.lead())
			counts := func(c followup.Claimed, lapsed, tries int, what string) followup.Claimed {
				w.Helper()
				w.is(c.Lapsed, lapsed, "Lapsed, %s", what)
				w.is(c.Run.Tries, tries, "Tries, %s", what)
				return c
			}
			c := counts(w.due(), 0, 0, "at first")
			for n := range 3 {
				w.pass(lease)
				c = counts(w.claim(), n+1, 0, "claimed again")
			}
			w.release(run, c.Token, time.Time{})
			counts(w.claim(), 0, 0, "released as before")
			w.pass(lease)
			c = counts(w.claim(), 1, 0, "claimed again")
			w.release(run, c.Token, w.now.Add(time.Minute))
			w.pass(time.Minute)
			counts(w.claim(), 0, 1, "postponed")
			w.pass(lease)
			c = counts(w.claim(), 1, 1, "postponed, and claimed again")
			standIn := func(g *followup.GuardStep) { g.Kind, g.UsedStep = followup.KindTemplate, 2 }
			w.is(w.guardWith(c, standIn).Refusal, followup.Allowed, "guard")
			w.must(w.s.Pause(w.ctx, w.tenant, w.main, true), "Pause")
			w.is(w.guardWith(c, standIn).Refusal, followup.RefusedPaused, "guard before a retry")
			w.pass(lease)
			c = counts(w.claim(), 1, 1, "refused out of sending, and claimed again")
			w.must(w.s.Pause(w.ctx, w.tenant, w.main, false), "Pause")
			w.finish(w.result(c, ""))
			counts(w.due(), 0, 0, "the next step")
			w.pass(lease)
			w.is(w.guard(w.claim()).Refusal, followup.Allowed, "guard")
			w.pass(2 * lease)
			w.is(counts(w.claim(), 0, 0, "crashed in sending").Crashed, true, "Crashed")
		}},
	}
}
