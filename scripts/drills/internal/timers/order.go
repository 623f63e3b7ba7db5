package timers

import (
	"slices"
	"time"
)

// reach is longer than a message can take from the guard to the provider: the call as a whole is
// given 1.33 s (callTimeout and what wagate looks up before), and the rest is for processes that
// wait for a processor. It is shorter than the shortest wait of a step by more than the uncertainty
// of the clock.
func (s speed) reach() time.Duration { return s.real(30*time.Minute) * 95 / 100 }

// stopped looks for calls for a run after a deed that should have ended it. A text that the model
// gave only after wagate had acknowledged the deed was guarded after it, to the millisecond. Any
// other call is wrong if the provider read it later than reach after the deed.
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

// early is how long before a deed a run must have begun to be stopped by it, because a restart
// begins another run. No lead does anything so soon after its trigger.
const early = 500 * time.Millisecond

// windows looks for free-form text into a closed window. A text may pass the guard just before the
// window closes, and the provider may read it up to reach later.
func (t *tally) windows(b book) {
	var shut time.Time // when the provider last refused a text because the window was closed
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

// heard reports whether wagate can have taken in the answer to a call. If it was killed before, the
// step is uncertain.
func (b book) heard(c call) bool {
	n := b.runOf(c)
	return n >= 0 && !slices.ContainsFunc(b.runs[n].moments, func(m moment) bool {
		return m.step == c.step && m.outcome == "uncertain"
	})
}
