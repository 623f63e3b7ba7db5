package timers

import (
	"fmt"
)

// tally is the account.
type tally struct {
	runs, steps, calls, accepted int
	outcomes                     map[string]int
	// near counts calls soon after a stop that may have passed the guard before it.
	near int

	// wrong counts what must not happen; examples describe some of it.
	wrong    map[sin]int
	examples []string
}

// sin is a kind of thing that must not happen.
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

// maxExamples is how many sins are described one by one.
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

// count compares the number of runs with how many were started.
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
