package followup

import "time"

// RunState is where a run is.
type RunState string

// The states of a run.
const (
	RunArmed   RunState = "armed"   // waiting for its step to become due
	RunClaimed RunState = "claimed" // a worker prepares the step
	RunSending RunState = "sending" // a provider call is under way, or its result unknown
	RunEnded   RunState = "ended"
)

// Run is one lead climbing one ladder. At most one is live per lead and
// assistant.
type Run struct {
	ID        RunID
	Tenant    TenantID
	Lead      LeadID
	Config    ConfigID
	Assistant AssistantID
	Channel   ChannelID
	Ladder    LadderHash
	State     RunState
	Reason    Reason // set when ended
	StartedAt time.Time
	EndedAt   time.Time

	// Step is the current step, counting from 0. Interval is its wait, DueAt
	// when it is due.
	Step     int
	Interval time.Duration
	DueAt    time.Time
	// Used is the set of later template steps already sent in the place of an
	// earlier one; the ladder passes over them.
	Used StepSet
	// Tries counts how often the current step was put off.
	Tries int

	Timeline []Moment
}

// Moment is one line of a run's timeline: a step and how it ended. The step
// that has not ended yet is the last line, without outcome.
type Moment struct {
	Step      int // counting from 1, as people do
	DueAt     time.Time
	Kind      StepKind
	Outcome   Outcome // empty: not yet
	Reason    Reason
	MessageID string
	At        time.Time
	Settled   Outcome // what a receipt settled it to; empty: nothing
	SettledAt time.Time
}

// StepSet is a set of step indexes below 8.
type StepSet uint8

// Has reports whether step i is in the set.
func (s StepSet) Has(i int) bool { return s&(1<<i) != 0 }

// With returns the set with step i in it.
func (s StepSet) With(i int) StepSet { return s | 1<<i }
