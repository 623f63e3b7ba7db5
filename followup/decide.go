package followup

import (
	"cmp"
	"time"

	"wagate/providers"
)

// This file is what is sent when. A step that is due meets a situation; Decide
// says what becomes of it, AfterFailure what follows if the provider did not
// take it.

// DefaultMaxLateness is from when on a step is too late to be sent.
const DefaultMaxLateness = 6 * time.Hour

// CappedWait is how long a capped contact is left alone.
const CappedWait = 24 * time.Hour

// Situation is everything a decision depends on.
type Situation struct {
	Ladder Ladder
	Step   int     // index of the step that is due
	Used   StepSet // later template steps already sent in another's place

	WindowOpen bool          // the lead's window on the run's channel, now
	OptedOut   bool          // the lead asked to stop
	Paused     bool          // an operator stopped the tenant or the channel
	Late       time.Duration // now minus due
	MaxLate    time.Duration // zero: DefaultMaxLateness

	// TemplatePaused are the steps whose template the registry says cannot be
	// sent now; ParamEmpty those with a parameter that is empty for this lead.
	TemplatePaused StepSet
	ParamEmpty     StepSet

	// AIFailed is AIUnavailable or AIUnusable once the writer has given up.
	AIFailed Reason
	// Refused is true once the provider has refused this step's AI text because
	// the window is closed, whatever WindowOpen says.
	Refused bool
}

// Left is how much later the step may become and still be sent, in domain time: not
// positive if it is too late.
func (s Situation) Left() time.Duration { return cmp.Or(s.MaxLate, DefaultMaxLateness) - s.Late }

// Action is what to do with a step.
type Action string

// The actions.
const (
	SendAI       Action = "send_ai"
	SendTemplate Action = "send_template"
	EndStep      Action = "end_step" // nothing is sent: record Outcome and Reason, go on
	EndRun       Action = "end_run"  // nothing is sent: record them and end the run with Reason
)

// Decision is what becomes of a step that is due.
type Decision struct {
	Action Action
	Kind   StepKind
	// Template is the index of the step whose template is sent. UsedStep is the same if
	// that is a later one in this one's place, else 0; as in FinishStep.
	Template int
	UsedStep int
	// Outcome and Reason are how the step ends if nothing is sent.
	Outcome Outcome
	Reason  Reason
}

// Decide says what is sent, by the window and not by the interval:
//
//	step has       window open                            window closed
//	prompt only    AI                                     the next template step in its place
//	template only  template                               template
//	both           AI if the interval < 24 h, else templ. template
//
// Before that, in this order: an opted-out lead ends the run, a pause and
// lateness skip the step. A step is sent if it is less than MaxLate late. If
// AI fails, the step's own template is sent if it has one that can be.
func Decide(s Situation) Decision {
	switch {
	case s.OptedOut:
		return Decision{Action: EndRun, Kind: KindNone, Outcome: Cancelled, Reason: OptedOut}
	case s.Paused:
		return skip(KindNone, Paused)
	case s.Left() <= 0:
		return skip(KindNone, TooLate)
	}
	step := s.Ladder.Steps[s.Step]
	open := s.WindowOpen && !s.Refused
	prompt := step.Prompt != ""
	switch {
	case open && prompt && !step.hasTemplate(),
		open && prompt && step.Wait() < TemplateInterval:
		return s.ai(step)
	case step.hasTemplate():
		return s.template(s.Step)
	}
	if next := s.nextTemplate(); next >= 0 {
		return s.template(next)
	}
	if s.Refused {
		return Decision{Action: EndStep, Kind: KindAI, Outcome: Failed, Reason: WindowClosed}
	}
	return skip(KindAI, WindowClosedNoTemplate)
}

// ai sends AI text, or what there is in its stead once the writer gave up.
func (s Situation) ai(step Step) Decision {
	if s.AIFailed == "" {
		return Decision{Action: SendAI, Kind: KindAI}
	}
	if step.hasTemplate() && s.unsendable(s.Step) == "" {
		return s.template(s.Step)
	}
	return Decision{Action: EndStep, Kind: KindAI, Outcome: Failed, Reason: s.AIFailed}
}

// template sends step i's template, or skips for what is wrong with it. One
// that would have stood in for this step is then not used up.
func (s Situation) template(i int) Decision {
	if reason := s.unsendable(i); reason != "" {
		return skip(KindTemplate, reason)
	}
	d := Decision{Action: SendTemplate, Kind: KindTemplate, Template: i}
	if i != s.Step {
		d.UsedStep = i
	}
	return d
}

func (s Situation) unsendable(i int) Reason {
	switch {
	case s.TemplatePaused.Has(i):
		return TemplatePaused
	case s.ParamEmpty.Has(i):
		return TemplateParamEmpty
	}
	return ""
}

// nextTemplate is the next step of the ladder that has a template, or -1.
func (s Situation) nextTemplate() int {
	for i := s.Ladder.Next(s.Step, s.Used); i >= 0; i = s.Ladder.Next(i, s.Used) {
		if s.Ladder.Steps[i].hasTemplate() {
			return i
		}
	}
	return -1
}

func skip(kind StepKind, reason Reason) Decision {
	return Decision{Action: EndStep, Kind: kind, Outcome: Skipped, Reason: reason}
}

// EmptyParams returns the steps whose template has an empty parameter.
func EmptyParams(l Ladder, f Facts) StepSet {
	var set StepSet
	for i, step := range l.Steps {
		if _, empty := ExpandParams(step.TemplateParams, f); empty {
			set = set.With(i)
		}
	}
	return set
}

// PausedTemplates returns the steps whose template the registry knows and says
// cannot be sent. One that it does not know is tried: the provider knows best.
func PausedTemplates(l Ladder, channel ChannelID, lookup TemplateLookup) StepSet {
	var set StepSet
	for i, step := range l.Steps {
		if !step.hasTemplate() || lookup == nil {
			continue
		}
		info, ok := lookup(channel, step.TemplateName, step.TemplateLanguage)
		if ok && !info.Sendable() {
			set = set.With(i)
		}
	}
	return set
}

// Failure is what follows when the provider did not take a step, as far as is
// known, and all retries are spent.
type Failure struct {
	Outcome Outcome
	Reason  Reason
	// EndReason ends the run; empty: the ladder goes on with the next step.
	EndReason   Reason
	CloseWindow bool // our window was wrong; close it
	OptOut      bool // record that the lead opted out
	// Wait is how long the lead is left alone at least before the next step.
	Wait time.Duration
	// Retryable is true if nothing can have been sent and a later try may
	// succeed: the step may be released and tried again instead of ending so.
	Retryable bool
	// Redecide is true if AI text met a closed window: decide again with
	// Situation.Refused before recording this.
	Redecide bool
}

// AfterFailure says what follows from a provider's failure of a step of this
// kind. What may have been sent is uncertain whatever else is said about it.
func AfterFailure(e *providers.Error, kind StepKind) Failure {
	if e.MaybeSent {
		return Failure{Outcome: Uncertain, Reason: NoAnswer}
	}
	f := Failure{Outcome: Failed, Reason: Unknown, Retryable: e.Retryable}
	switch e.Kind {
	case providers.Throttled:
		f.Reason = Throttled
	case providers.Transient:
		f.Reason = Transient
	case providers.WindowClosed:
		f.Reason, f.CloseWindow, f.Redecide = WindowClosed, true, kind == KindAI
	case providers.TemplateError:
		f.Reason = TemplateRejected
	case providers.Undeliverable:
		f.Reason, f.EndReason = Undeliverable, Unreachable
	case providers.OptedOut:
		f.Outcome, f.Reason, f.EndReason, f.OptOut = Cancelled, OptedOut, OptedOut, true
	case providers.Capped:
		f.Reason, f.Wait = Capped, CappedWait
	case providers.Operator:
		f.Reason = Operator
	case providers.Invalid:
		f.Reason = Invalid
	case providers.Unknown:
	}
	return f
}
