package followup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"
)

// LadderHash identifies a ladder by its content; runs refer to it.
type LadderHash string

// Ladder holds the steps that a lead on one channel will get, in order; at most MaxSteps.
type Ladder struct {
	Steps []Step `json:"steps"`
}

// MaxSteps bounds each list of steps in a config and every ladder.
const MaxSteps = 3

// buildLadder returns the ladder of a channel: the config's steps, then the channel's official steps.
// A channel without official steps, known or not, has only the config's steps.
func buildLadder(c Config, channel ChannelID) Ladder {
	steps := slices.Clone(c.Steps)
	for _, o := range c.OfficialSteps {
		if o.ChannelID == channel {
			steps = append(steps, o.Steps...)
		}
	}
	return Ladder{Steps: steps}
}

// Hash returns the ladder's hash. Equal steps have equal hashes in every process. A run keeps the
// ladder it started with by keeping the hash.
func (l Ladder) Hash() LadderHash {
	b, err := json.Marshal(l.Steps)
	if err != nil {
		panic("followup: " + err.Error()) // strings cannot fail to marshal
	}
	sum := sha256.Sum256(append([]byte("ladder 1\n"), b...))
	return LadderHash(hex.EncodeToString(sum[:16]))
}

// Next returns the index of the step after step i, skipping the steps in used: those already sent in
// place of an earlier one. It returns -1 if the ladder ends. Next(-1, 0) is the first step.
func (l Ladder) Next(i int, used StepSet) int {
	for n := i + 1; n < len(l.Steps); n++ {
		if !used.Has(n) {
			return n
		}
	}
	return -1
}

// Wait returns the step's interval. For an interval that cannot be parsed, which validation does not
// let through, it returns MaxInterval: better late than at once.
func (s Step) Wait() time.Duration {
	d, err := ParseInterval(s.Interval)
	if err != nil {
		return MaxInterval
	}
	return d
}

// hasTemplate reports whether the step can be sent into a closed window.
func (s Step) hasTemplate() bool { return s.TemplateName != "" }

// LadderView is the effective ladder of a channel as the API shows it.
type LadderView struct {
	ChannelID ChannelID  `json:"channel_id"`
	Steps     []StepView `json:"steps"`
	Warnings  []Warning  `json:"warnings"`
}

// StepView is a step of an effective ladder. After is how long after the trigger the step comes if
// the lead stays silent, as an ISO 8601 duration.
type StepView struct {
	Step
	After    string    `json:"after"`
	Warnings []Warning `json:"warnings"`
}

// ViewLadder returns the effective ladder of a channel. Its warnings are the config's warnings (see
// Warnings) that concern this channel. Each step has the warnings about that step, with the same
// Field as in the config, because a step's place in the ladder is not its place in the config.
func ViewLadder(c Config, channel ChannelID, t Tenant, lookup TemplateLookup) LadderView {
	l := buildLadder(c, channel)
	v := LadderView{ChannelID: channel, Steps: make([]StepView, 0, len(l.Steps)), Warnings: []Warning{}}
	if problem := channelWarning(t, c.AssistantID, channel); problem != "" {
		v.Warnings = append(v.Warnings, Warning{Field: "channel_id", Problem: problem})
	}
	var after time.Duration
	for i, s := range l.Steps {
		after += s.Wait()
		warnings := []Warning{}
		for _, w := range stepWarnings(l, i, channel, lookup) {
			warnings = append(warnings, Warning{joinPath(stepPath(c, channel, i), w.Field), w.Problem})
		}
		v.Steps = append(v.Steps, StepView{Step: s, After: formatDuration(after), Warnings: warnings})
	}
	return v
}
