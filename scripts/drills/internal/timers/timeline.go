package timers

import (
	"slices"

	"wagate/followup"
)

// record checks that every step of a run has one outcome.
func (t *tally) record(b book, r run, calls []*call) {
	if r.state != "ended" {
		t.note(runLive, b, "run %s is %s, due %s: %+v", r.id, r.state, clockTime(r.due), r.moments)
	}
	has := map[int]bool{}
	for _, m := range r.moments {
		if m.outcome == "" {
			continue // still to come
		}
		t.steps++
		t.outcomes[m.outcome+"_"+m.reason]++
		if m.settled != "" {
			t.outcomes[m.outcome+"_then_"+m.settled]++
		}
		if !known(m) {
			t.note(badWords, b, "step %d of run %s: %+v", m.step, r.id, m)
		}
		if has[m.step] {
			t.note(twoOutcomes, b, "step %d of run %s: %+v", m.step, r.id, r.moments)
		}
		has[m.step] = true
	}
	if r.state == "ended" {
		t.gaps(b, r, calls, has)
	}
}

// gaps looks for steps that the run has passed without an outcome. A template that was sent in the
// place of an earlier step is used up and has no outcome of its own.
func (t *tally) gaps(b book, r run, calls []*call, has map[int]bool) {
	last := 1
	if r.reason == "completed" {
		last = len(b.ladder)
	}
	spare := 0
	for _, m := range r.moments {
		last = max(last, m.step)
		if b.stoodIn(m, calls) {
			spare++
		}
	}
	for n := 1; n <= last; n++ {
		switch {
		case has[n]:
		case b.ladder[n-1].template && spare > 0:
			spare--
		default:
			t.note(noOutcome, b, "step %d of run %s, which ended %s: %+v", n, r.id, r.reason, r.moments)
		}
	}
}

// stoodIn reports whether a later step's template may have been sent in the place of this step,
// which has no template. If the step is uncertain, nobody may have seen its call; it was the step's
// own text if a call with that text may have been sent.
func (b book) stoodIn(m moment, calls []*call) bool {
	if m.step > len(b.ladder) || b.ladder[m.step-1].template {
		return false
	}
	if m.outcome == "uncertain" {
		return !slices.ContainsFunc(calls, func(c *call) bool {
			return c.text && c.step == m.step && c.answer != windowClosed && c.answer != notNow
		})
	}
	return m.outcome == "sent" && m.reason == "template"
}

// repeats looks for messages that were sent twice, and for calls repeated although the first one
// may have been sent. Within a run, a prompt and a template are used once each.
func (t *tally) repeats(b book, calls []*call) {
	type use struct {
		text bool
		step int
	}
	sent, final := map[use]bool{}, map[use]bool{}
	for _, c := range calls {
		u := use{c.text, c.step}
		if final[u] {
			t.note(again, b, "%s", c)
		}
		if sent[u] && c.accepted {
			t.note(twice, b, "%s", c)
		}
		final[u] = final[u] || c.answer != notNow || c.accepted
		sent[u] = sent[u] || c.accepted
	}
}

// agree compares a run's timeline with the provider's log: each message must be in both.
func (t *tally) agree(b book, r run, calls []*call) {
	rest := slices.DeleteFunc(slices.Clone(calls), func(c *call) bool { return !c.accepted })
	match := func(m moment, fits func(*call) bool) bool {
		i := slices.IndexFunc(rest, fits)
		if i < 0 {
			return false
		}
		t.settle(b, r, m, rest[i])
		rest = slices.Delete(rest, i, i+1)
		return true
	}
	for _, m := range r.moments {
		if m.message != "" {
			named := match(m, func(c *call) bool { return c.id == m.message && b.fits(m, c) })
			if !named && (m.sent() || m.outcome == "uncertain") {
				t.note(sentNot, b, "step %d of run %s: %+v", m.step, r.id, m)
			}
		} else if m.sent() {
			t.note(sentNot, b, "step %d of run %s: %+v", m.step, r.id, m)
		}
	}
	for _, m := range r.moments {
		if m.outcome == "uncertain" && m.message == "" {
			match(m, func(c *call) bool { return b.fits(m, c) })
		}
	}
	for _, c := range rest {
		t.note(unsentBut, b, "%s; run %s: %+v", c, r.id, r.moments)
	}
}

// fits reports whether a message can be that of a step: the step's own, or a later step's template
// in its place.
func (b book) fits(m moment, c *call) bool {
	return c.step == m.step || !c.text && c.step > m.step && m.step <= len(b.ladder) && !b.ladder[m.step-1].template
}

// settle checks that a receipt of a message that left settled its step.
func (t *tally) settle(b book, r run, m moment, c *call) {
	switch {
	case c.failed && m.outcome != "failed" && m.settled != "failed",
		c.delivered && m.open():
		t.note(unsettled, b, "%s; step %d of run %s: %+v", c, m.step, r.id, m)
	}
}

// known reports whether a step's outcome and reason are from the closed sets.
func known(m moment) bool {
	return slices.Contains(followup.Reasons[followup.Outcome(m.outcome)], followup.Reason(m.reason)) &&
		(m.settled == "" || m.settled == "sent" || m.settled == "failed")
}
