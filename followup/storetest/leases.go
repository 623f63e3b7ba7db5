package storetest

import (
	"errors"
	"time"

	"wagate/followup"
)

// leaseTests: a lease is extended by who holds it, and by nobody else.
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
			extend(w.now, 2*lease) // in sending, too
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
	}
}
