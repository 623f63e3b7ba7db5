package timers

import (
	"fmt"
	"slices"
	"time"
)

// reach is longer than a message can be on its way from the guard to the provider: the
// call as a whole is given 1.33 s (callTimeout and what wagate looks up before), the rest is for
// processes that wait for a processor, and for how well the clock is known.
const reach = 1900 * time.Millisecond

// book is what is known of one lead: what it was meant to do, what the simulators
// noted, and what the API says in the end.
type book struct {
	name   string
	ladder []rung
	// windowEnds is when the window closes with which it began; zero: it had none.
	windowEnds time.Time
	deeds      []deed // in their order
	calls      []call
	runs       []run // oldest first
}

// deed is what a lead or its tenant did.
type deed struct {
	what what
	// began is when it was first told to wagate, done when wagate said that it had it;
	// zero: never.
	began, done time.Time
}

// what is a deed.
type what string

// The deeds.
const (
	wrote     what = "wrote"     // before there was anything to answer
	triggered what = "triggered" // got a status that triggers
	replied   what = "replied"   // a message of the lead
	optedOut  what = "opted out" // by a message
	left      what = "left"      // got a status that does not trigger
	restarted what = "restarted" // got another status that triggers
	cancelled what = "cancelled" // its run, by the API
)

// stops reports whether nothing of a run may be sent after it.
func (w what) stops() bool { return w != wrote && w != triggered }

// starts reports whether it starts a run, and writes whether it opens the window.
func (w what) starts() bool { return w == triggered || w == restarted }
func (w what) writes() bool { return w == wrote || w == replied || w == optedOut }

// call is a request to the provider, and how it was answered.
type call struct {
	at       time.Time
	id       string // the message's
	text     bool   // free-form; else a template
	step     int    // whose prompt or template it is of, from 1
	written  time.Time
	answer   answer
	accepted bool // it reaches the lead, whatever was answered
	// delivered and failed say that a receipt that says so was acknowledged.
	delivered, failed bool
}

// answer is how the provider answered.
type answer string

// The answers.
const (
	taken        answer = "taken"
	notNow       answer = "not now" // and documented as not processed
	refused      answer = "refused"
	windowClosed answer = "window closed"
	unknown      answer = "unknown" // nothing, or nothing that says whether it was sent
)

// run is a run as the API shows it, its times made real.
type run struct {
	id, state, reason string
	started           time.Time
	moments           []moment
}

type moment struct {
	step                              int
	outcome, reason, message, settled string
}

// sent reports whether it says that the message left.
func (m moment) sent() bool { return m.outcome == "sent" || m.settled == "sent" }

// open reports whether it says that nobody knows.
func (m moment) open() bool { return m.outcome == "uncertain" && m.settled == "" }

// tally is the account.
type tally struct {
	runs, steps, calls, accepted int
	outcomes                     map[string]int
	// near are calls soon after a stop: by when they were read they can have been let go
	// before it.
	near int

	// What must not be, with examples.
	wrong    map[sin]int
	examples []string
}

// sin is what must not be.
type sin string

// The sins.
const (
	runLive     sin = "runs_not_ended"
	runMissing  sin = "runs_missing"
	runExtra    sin = "runs_too_many"
	noOutcome   sin = "steps_without_outcome"
	twoOutcomes sin = "steps_with_two_outcomes"
	badWords    sin = "outcomes_of_no_known_words"
	afterStop   sin = "messages_after_a_reply_or_stop"
	twice       sin = "messages_twice"
	again       sin = "calls_repeated_though_it_may_have_been_sent"
	intoClosed  sin = "free_form_into_a_closed_window"
	sentNot     sin = "recorded_sent_and_never_reached_the_provider"
	unsentBut   sin = "recorded_not_sent_and_reached_the_provider"
	ofNoRun     sin = "calls_of_no_run"
	unsettled   sin = "receipts_that_settled_nothing"
)

// sins are all of them, in the order of the figures.
var sins = []sin{
	runLive, runMissing, runExtra, noOutcome, twoOutcomes, badWords, afterStop, twice, again, intoClosed, sentNot,
	unsentBut, ofNoRun, unsettled,
}

// maxExamples is how many wrongs are told one by one.
const maxExamples = 30

func (t *tally) note(s sin, b book, format string, args ...any) {
	t.wrong[s]++
	if len(t.examples) < maxExamples {
		t.examples = append(t.examples, fmt.Sprintf("%s: lead %s: %s", s, b.name, fmt.Sprintf(format, args...)))
	}
}

// draw draws up the account.
func draw(books []book) *tally {
	t := &tally{outcomes: map[string]int{}, wrong: map[sin]int{}}
	for _, b := range books {
		t.add(b)
	}
	return t
}

// add adds a lead.
func (t *tally) add(b book) {
	t.runs += len(b.runs)
	t.calls += len(b.calls)
	t.count(b)
	byRun := make([][]*call, len(b.runs))
	for i := range b.calls {
		c := &b.calls[i]
		if c.accepted {
			t.accepted++
		}
		n := b.runOf(*c)
		if n < 0 {
			t.note(ofNoRun, b, "%s", c)
			continue
		}
		byRun[n] = append(byRun[n], c)
	}
	for n, r := range b.runs {
		t.record(b, r, byRun[n])
		t.repeats(b, byRun[n])
		t.agree(b, r, byRun[n])
		t.stopped(b, r, byRun[n])
	}
	t.windows(b)
}

// count holds the runs there are against those that were started.
func (t *tally) count(b book) {
	most, least := 0, 0
	for _, d := range b.deeds {
		if !d.what.starts() {
			continue
		}
		most++
		if !d.done.IsZero() {
			least++
		}
	}
	if len(b.runs) < least {
		t.note(runMissing, b, "%d runs, started %d times", len(b.runs), least)
	}
	if len(b.runs) > most {
		t.note(runExtra, b, "%d runs, started %d times", len(b.runs), most)
	}
}

// runOf returns which run a call belongs to, -1 if to none: the last that had begun
// early enough. A run's first step is not due before half an hour, two seconds, has
// passed, and what an earlier run has let go has arrived by then.
func (b book) runOf(c call) int {
	for n, r := range slices.Backward(b.runs) {
		if !c.at.Before(r.started.Add(reach)) {
			return n
		}
	}
	return -1
}

// record checks that every step of a run has one outcome.
func (t *tally) record(b book, r run, calls []*call) {
	if r.state != "ended" {
		t.note(runLive, b, "run %s is %s", r.id, r.state)
	}
	has := map[int]bool{}
	for _, m := range r.moments {
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

// gaps looks for steps that the run has passed without an outcome. A template that
// was sent in an earlier step's place is used up, and has none.
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

// stoodIn reports whether a later step's template may have been sent in the place of
// this one, which has none. Of one that is uncertain nobody may have seen the call; it was
// its own text if that may have been sent.
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

// repeats looks for what was sent twice, or asked again though it may have been sent.
// Within a run, a prompt and a template are used once each.
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

// agree holds the timeline of a run against the provider's log: who is in one with a
// message is in the other.
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

// fits reports whether a message can be that of a step: its own, or a later one's
// template in its place.
func (b book) fits(m moment, c *call) bool {
	return c.step == m.step || !c.text && c.step > m.step && m.step <= len(b.ladder) && !b.ladder[m.step-1].template
}

// settle checks that a receipt about a message that left settled its step.
func (t *tally) settle(b book, r run, m moment, c *call) {
	switch {
	case c.failed && m.outcome != "failed" && m.settled != "failed",
		c.delivered && m.open():
		t.note(unsettled, b, "%s; step %d of run %s: %+v", c, m.step, r.id, m)
	}
}

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
			case c.text && c.written.After(d.done), c.at.After(d.done.Add(reach)):
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
				until = d.done.Add(real(24 * time.Hour))
			}
			if until.After(ends) {
				ends = until
			}
			reopened = reopened || d.done.IsZero() || d.done.After(shut.Add(-reach))
		}
		if c.at.After(ends.Add(reach)) {
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

func clockTime(t time.Time) string { return t.Format("15:04:05.000") }

// String tells of a call.
func (c *call) String() string {
	kind := "template"
	if c.text {
		kind = "text written " + clockTime(c.written)
	}
	sent := "not sent"
	if c.accepted {
		sent = "sent"
	}
	return fmt.Sprintf("call at %s: %s of step %d, answered %q, %s, %s", clockTime(c.at), kind, c.step, c.answer, sent, c.id)
}
