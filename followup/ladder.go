package followup

// LadderHash names a ladder by its content; runs refer to it.
type LadderHash string

// Ladder is the steps a lead on one channel will get, in order; at most
// MaxSteps.
type Ladder struct {
	Steps []Step `json:"steps"`
}

// MaxSteps bounds each list of steps in a config and every ladder.
const MaxSteps = 3
