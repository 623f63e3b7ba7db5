package timers

import (
	"slices"
	"time"
)

// reach is longer than a message can be on its way from the guard to the provider: the
// call as a whole is given 1.33 s (callTimeout and what wagate looks up before), the rest is for
// processes that wait for a processor. It is shorter than the least wait of a step by more
// than is not known of the clock.
func (s speed) reach() time.Duration { return s.real(30*time.Minute) * 95 / 100 }

// stopped looks for calls for a run after what should have ended it. A text that the
// model gave only after wagate had said that it had the reply was guarded after it,
// to the millisecond; of the rest, what the provider read later than reach after it.
func (t *tally) stopped(b book, r run, calls []*call) {
	for _, d := range b.deeds {
		if !d.what.stops() || d.done.IsZero() || !r.started.Before(d.began.Add(-early)) {
			continue
		}
		for _, c := range calls {
			switch {
			case c.text && c.written.After(d.done), c.at.After(d.done.Add(b.speed.reach())):
				t.note(afterStop, b, "%s at %s; %s", d.what, clockTime(d.done), c)
			case c.at.After(d.done):
				t.near++
			}
		}
	}
}

// early is how long before a deed a run must have begun for it to concern that run:
// what restarts one begins another. No lead does anything so soon after its trigger.
const early = 500 * time.Millisecond

// windows looks for free-form text into a closed window. It may have been let go just
// before the window closed, and be read by the provider a reach later.
func (t *tally) windows(b book) {
	var shut time.Time // when the provider last refused one for its window
	for _, c := range b.calls {
		if !c.text {
			continue
		}
		ends, reopened := b.windowEnds, false
		for _, d := range b.deeds {
			if !d.what.writes() || d.began.After(c.at) {
				continue
			}
			until := c.at.Add(time.Hour)
			if !d.done.IsZero() {
				until = d.done.Add(b.speed.real(24 * time.Hour))
			}
			if until.After(ends) {
				ends = until
			}
			reopened = reopened || d.done.IsZero() || d.done.After(shut.Add(-b.speed.reach()))
		}
		if c.at.After(ends.Add(b.speed.reach())) {
			t.note(intoClosed, b, "closed at %s; %s", clockTime(ends), &c)
		} else if !shut.IsZero() && !reopened {
			t.note(intoClosed, b, "refused at %s; %s", clockTime(shut), &c)
		}
		if c.answer == windowClosed && b.heard(c) {
			shut = c.at
		}
	}
}

// heard reports whether wagate can have taken in how a call was answered: if it was
// killed, the step says so.
func (b book) heard(c call) bool {
	n := b.runOf(c)
	return n >= 0 && !slices.ContainsFunc(b.runs[n].moments, func(m moment) bool {
		return m.step == c.step && m.outcome == "uncertain"
	})
}
