package followup

// Outcome is how a step ended. The set is closed; timeline, metric and relay
// event use the same words.
type Outcome string

// The outcomes.
const (
	Sent      Outcome = "sent"
	Skipped   Outcome = "skipped"
	Failed    Outcome = "failed"
	Cancelled Outcome = "cancelled"
	Uncertain Outcome = "uncertain" // it may have been sent; never sent again
)

// Reason says why a step ended with its outcome, and why a run ended. The set is closed.
type Reason string

// The reasons, by the outcome they belong to.
const (
	// Sent: the kind of message that was sent.
	ByAI       Reason = "ai"
	ByTemplate Reason = "template"

	// Skipped.
	WindowClosedNoTemplate Reason = "window_closed_no_template"
	TemplateParamEmpty     Reason = "template_param_empty"
	TemplatePaused         Reason = "template_paused"
	TooLate                Reason = "too_late"
	Paused                 Reason = "paused"

	// Failed.
	AIUnavailable    Reason = "ai_unavailable"
	AIUnusable       Reason = "ai_unusable"
	TemplateRejected Reason = "template_rejected"
	WindowClosed     Reason = "window_closed"
	Undeliverable    Reason = "undeliverable"
	Capped           Reason = "capped"
	Operator         Reason = "operator"
	Invalid          Reason = "invalid"
	Throttled        Reason = "throttled"
	Transient        Reason = "transient"
	Unknown          Reason = "unknown"

	// Cancelled; also the reasons for which a run ends.
	Replied        Reason = "replied"
	StatusLeft     Reason = "status_left"
	Restarted      Reason = "restarted"
	ByAPI          Reason = "api"
	ConfigOff      Reason = "config_inactive"
	ConfigGone     Reason = "config_deleted"
	OptedOut       Reason = "opted_out"
	Merged         Reason = "merged"
	Erased         Reason = "erased"
	Unreachable    Reason = "undeliverable" // a run ended because the contact cannot be reached
	CompletedEnded Reason = "completed"     // a run ended because its last step did

	// Uncertain.
	NoAnswer Reason = "no_answer"
	Crash    Reason = "crash"
)

// Reasons lists every reason a step can end with, by outcome, so that the metric's series exist before
// the first step ends.
var Reasons = map[Outcome][]Reason{
	Sent:    {ByAI, ByTemplate},
	Skipped: {WindowClosedNoTemplate, TemplateParamEmpty, TemplatePaused, TooLate, Paused},
	Failed: {
		AIUnavailable, AIUnusable, TemplateRejected, WindowClosed, Undeliverable, Capped,
		Operator, Invalid, Throttled, Transient, Unknown,
	},
	Cancelled: {Replied, StatusLeft, Restarted, ByAPI, ConfigOff, ConfigGone, OptedOut, Merged, Erased},
	Uncertain: {NoAnswer, Crash},
}

// StepKind is what a step was going to be when it ended; a metric label.
type StepKind string

// The kinds of step.
const (
	KindAI       StepKind = "ai"
	KindTemplate StepKind = "template"
	KindNone     StepKind = "none" // it ended before its kind was decided
)

// SentBy returns the reason of a step that is Sent as this kind of message; empty if its kind is not
// known.
func SentBy(kind StepKind) Reason {
	switch kind {
	case KindAI:
		return ByAI
	case KindTemplate:
		return ByTemplate
	case KindNone:
	}
	return ""
}

// Happening names a follow-up event that is relayed to the assistant.
type Happening string

// The happenings relayed with field "followup".
const (
	HappeningScheduled Happening = "scheduled" // a step was armed
	HappeningSent      Happening = "sent"
	HappeningSkipped   Happening = "skipped"
	HappeningFailed    Happening = "failed"
	HappeningUncertain Happening = "uncertain"
	HappeningReplied   Happening = "replied"   // the run ended: the lead answered
	HappeningCancelled Happening = "cancelled" // the run ended for any other reason before its last step
	HappeningCompleted Happening = "completed" // the run ended after its last step
	HappeningSettled   Happening = "settled"   // a receipt settled an outcome: the event has what it is now
)

// Unsent returns the outcome of a step whose run ended for this reason before the step was sent:
// Failed for a contact that cannot be reached, else Cancelled.
func (r Reason) Unsent() Outcome {
	if r == Unreachable {
		return Failed
	}
	return Cancelled
}
