package followup

import (
	"cmp"
	"time"

	"wagate/providers"
)

// This file decides what is sent when. Decide turns the situation of a due step into a decision;
// AfterFailure says what follows if the provider did not take the step.

// DefaultMaxLateness is the lateness from which a step is too late to be sent.
const DefaultMaxLateness = 6 * time.Hour

// CappedWait is how long a contact is left alone after the provider capped it.
const CappedWait = 24 * time.Hour

// Situation is everything a decision depends on.
type Situation struct {
	Ladder Ladder
	Step   int     // index of the step that is due
	Used   StepSet // later template steps already sent in place of an earlier one

	WindowOpen bool          // the lead's window on the run's channel, now
	OptedOut   bool          // the lead asked to stop
	Paused     bool          // an operator stopped the tenant or the channel
	Late       time.Duration // now minus due
	MaxLate    time.Duration // zero: DefaultMaxLateness

	// TemplatePaused holds the steps whose template cannot be sent now according to the registry.
	// ParamEmpty holds the steps with a template parameter that is empty for this lead.
	TemplatePaused StepSet
	ParamEmpty     StepSet

	// AIFailed is AIUnavailable or AIUnusable once the writer has given up, else empty.
	AIFailed Reason
	// Refused is true once the provider has refused this step's AI text because the window is
	// closed. It overrides WindowOpen.
	Refused bool
}

// Left returns how much later, in domain time, the step may become and still be sent. It is zero or
// negative if the step is too late.
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
	// Template is the index of the step whose template is sent. UsedStep is the same index if that
	// is a later step sent in place of this one, else 0; as in FinishStep.
	Template int
	UsedStep int
	// Outcome and Reason are how the step ends if nothing is sent.
	Outcome Outcome
	Reason  Reason
}

// Decide returns what becomes of a due step. What is sent depends on the window, not on the interval:
//
//	step has       window open                            window closed
//	prompt only    AI                                     the next template step in its place
//	template only  template                               template
//	both           AI if the interval < 24 h, else templ. template
//
// Three checks come first, in this order: an opted-out lead ends the run, a pause skips the step, and
// lateness skips the step. A step is sent if it is less than MaxLate late. If AI fails, the step's
// own template is sent if it has one that can be sent.
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

// ai sends AI text or, once the writer has given up, the step's own template.
func (s Situation) ai(step Step) Decision {
	if s.AIFailed == "" {
		return Decision{Action: SendAI, Kind: KindAI}
	}
	if step.hasTemplate() && s.unsendable(s.Step) == "" {
		return s.template(s.Step)
	}
	return Decision{Action: EndStep, Kind: KindAI, Outcome: Failed, Reason: s.AIFailed}
}

// template sends the template of step i, or skips the due step if that template cannot be sent. A
// later step whose template was to be sent in place of the due one is then not used up.
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

// nextTemplate returns the next unused step of the ladder that has a template, or -1.
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

// PausedTemplates returns the steps whose template is known to the registry and cannot be sent. A
// template that the registry does not know is tried: the provider knows best.
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

// Failure is what follows when, as far as is known, the provider did not take a step and all retries
// are spent.
type Failure struct {
	Outcome Outcome
	Reason  Reason
	// EndReason ends the run; empty: the ladder goes on with the next step.
	EndReason   Reason
	CloseWindow bool // our window was wrong; close it
	OptOut      bool // record that the lead opted out
	// Wait is how long, at least, the lead is left alone before the next step.
	Wait time.Duration
	// Retryable is true if nothing can have been sent and a later try may succeed: the step may be
	// released and tried again instead of ending like this.
	Retryable bool
	// Redecide is true if AI text met a closed window: call Decide again with Situation.Refused
	// before recording this failure.
	Redecide bool
}

// AfterFailure returns what follows from a provider's error about a step of this kind. If the message
// may have been sent, the outcome is Uncertain, whatever else the error says.
func AfterFailure(e *providers.Error, kind StepKind) Failure {
	if e.MaybeSent {
		return Failure{Outcome: Uncertain, Reason: NoAnswer}
	}
	f := Failure{Outcome: Failed, Reason: FailedBy(e.Kind), Retryable: e.Retryable}
	switch e.Kind {
	case providers.WindowClosed:
		f.CloseWindow, f.Redecide = true, kind == KindAI
	case providers.Undeliverable:
		f.EndReason = Unreachable
	case providers.OptedOut:
		f.Outcome, f.Reason, f.EndReason, f.OptOut = Cancelled, OptedOut, OptedOut, true
	case providers.Capped:
		f.Wait = CappedWait
	case providers.Throttled, providers.Transient, providers.TemplateError, providers.Operator,
		providers.Invalid, providers.Unknown:
	}
	return f
}

// FailedBy returns the reason of a step that is Failed because of an error of this kind.
func FailedBy(kind providers.ErrorKind) Reason {
	switch kind {
	case providers.Throttled:
		return Throttled
	case providers.Transient:
		return Transient
	case providers.WindowClosed:
		return WindowClosed
	case providers.TemplateError:
		return TemplateRejected
	case providers.Undeliverable:
		return Undeliverable
	case providers.OptedOut:
		// A call that meets an opt-out cancels its step. A step that had been sent can only have failed,
		// and OptedOut is no reason of that. That the lead opted out is told when the run ends.
		return Undeliverable
	case providers.Capped:
		return Capped
	case providers.Operator:
		return Operator
	case providers.Invalid:
		return Invalid
	case providers.Unknown:
	}
	return Unknown
}
