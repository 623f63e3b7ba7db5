package followup

import "time"

// RunState is the state of a run.
type RunState string

// The states of a run.
const (
	RunArmed   RunState = "armed"   // waiting for its step to become due
	RunClaimed RunState = "claimed" // a worker is preparing the step
	RunSending RunState = "sending" // a provider call is in flight, or its result is unknown
	RunEnded   RunState = "ended"
)

// Run is one passage of a lead through a ladder. At most one run is live per lead and assistant.
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

	// Step is the index of the current step, counting from 0. Interval is its wait, and DueAt is
	// when it is due.
	Step     int
	Interval time.Duration
	DueAt    time.Time
	// Used is the set of later template steps already sent in place of an earlier one. The ladder
	// skips them.
	Used StepSet
	// Tries counts how often the current step was put off.
	Tries int

	Timeline []Moment
}

// Moment is one entry of a run's timeline: a step and how it ended. A step that has not ended yet is
// the last entry, without outcome.
type Moment struct {
	Step      int // counting from 1
	DueAt     time.Time
	Kind      StepKind
	Outcome   Outcome // empty: not yet
	Reason    Reason
	MessageID string
	At        time.Time
	Settled   Outcome // the outcome after a receipt settled it; empty: none did
	SettledAt time.Time
}

// StepSet is a set of step indexes from 0 to 7.
type StepSet uint8

// Has reports whether step i is in the set.
func (s StepSet) Has(i int) bool { return s&(1<<i) != 0 }

// With returns the set with step i in it.
func (s StepSet) With(i int) StepSet { return s | 1<<i }
