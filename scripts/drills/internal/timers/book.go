package timers

import (
	"fmt"
	"slices"
	"time"
)

// book is what is known of one lead: what the lead was meant to do, what the simulators noted, and
// what the API says in the end.
type book struct {
	name   string
	speed  speed
	ladder []rung
	// windowEnds is when the window that the lead began with closes; zero: there was none.
	windowEnds time.Time
	deeds      []deed // in order
	calls      []call
	runs       []run // oldest first
}

// deed is something that a lead or its tenant did.
type deed struct {
	what what
	// began is when wagate was first told of it. done is when wagate acknowledged it; zero: never.
	began, done time.Time
}

// what is the kind of a deed.
type what string

// The deeds.
const (
	wrote     what = "wrote"     // the lead wrote first
	triggered what = "triggered" // got a status that triggers
	replied   what = "replied"   // the lead wrote
	optedOut  what = "opted out" // the lead wrote STOP
	left      what = "left"      // got a status that does not trigger
	restarted what = "restarted" // got another status that triggers
	cancelled what = "cancelled" // the run was cancelled by the API
)

// stops reports whether nothing of an earlier run may be sent after it.
func (w what) stops() bool { return w != wrote && w != triggered }

// starts reports whether it starts a run; writes whether it opens the window.
func (w what) starts() bool { return w == triggered || w == restarted }
func (w what) writes() bool { return w == wrote || w == replied || w == optedOut }

// call is a request to the provider, and how it was answered.
type call struct {
	at       time.Time
	id       string // id of the message
	text     bool   // free-form text; else a template
	step     int    // the step whose prompt or template it is, from 1
	written  time.Time
	answer   answer
	accepted bool // the message reaches the lead, whatever was answered
	// delivered and failed say that a receipt with that status was acknowledged.
	delivered, failed bool
}

// answer is how the provider answered.
type answer string

// The answers.
const (
	taken        answer = "taken"
	notNow       answer = "not now" // documented as not processed
	refused      answer = "refused"
	windowClosed answer = "window closed"
	unknown      answer = "unknown" // no answer, or one that does not say whether it was sent
)

// run is a run as the API shows it, with its times in real time.
type run struct {
	id, state, reason string
	started           time.Time
	due               time.Time // when the last step in the timeline is due
	moments           []moment
}

type moment struct {
	step                              int
	outcome, reason, message, settled string
}

// sent reports whether the timeline says that the message left.
func (m moment) sent() bool { return m.outcome == "sent" || m.settled == "sent" }

// open reports whether the timeline says that nobody knows.
func (m moment) open() bool { return m.outcome == "uncertain" && m.settled == "" }

// runOf returns the index of the run that a call belongs to, or -1 if there is none. It is the run
// that has the call's message, else the last run that had begun early enough: no step of a run is
// due before half an hour has passed, and what an earlier run let go has usually arrived by then.
// It may arrive later if a master died, because a run starts at the time when wagate first asked
// for it, however often wagate had to ask.
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

// String describes the call.
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
