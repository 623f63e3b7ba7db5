package timers

import (
	"fmt"
	"slices"
	"time"
)

// book is what is known of one lead: what it was meant to do, what the simulators
// noted, and what the API says in the end.
type book struct {
	name   string
	speed  speed
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
	due               time.Time // of the last step that the timeline has
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

// runOf returns which run a call belongs to, -1 if to none: the one that has its message,
// else the last that had begun early enough. A run's first step is not due before half
// an hour has passed, and what an earlier run has let go has arrived by
// then. It may arrive later if a master died: a run begins as of when wagate asked for it first,
// however often it had to ask.
func (b book) runOf(c call) int {
	for n, r := range b.runs {
		if slices.ContainsFunc(r.moments, func(m moment) bool { return m.message == c.id && m.step == c.step }) {
			return n
		}
	}
	for n, r := range slices.Backward(b.runs) {
		if !c.at.Before(r.started.Add(b.speed.reach())) {
			return n
		}
	}
	return -1
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
