package followup

import (
	"context"
	"time"

	"wagate/providers"
)

// StepStore is the clockwork: claim, guard, finish.
type StepStore interface {
	// Claim takes up to Limit steps that are due at Now, each under a lease of Lease (real time). It
	// goes round-robin by tenant; within a tenant, the least late step comes first, so that after
	// an outage steps that can still be sent are not held up by those that are too late anyway. A
	// claimed step MUST NOT be claimed again before its lease has run out or it was given back. Each
	// claim has a new token.
	//
	// Steps whose lease ran out are claimed again before all others. A claimed one has Lapsed
	// increased by one. One in sending has Crashed set: it must be finished Uncertain and never be
	// sent. A crashed step stays in sending; it can be finished by its attempt, but not guarded or
	// released. Steps that are not in sending and whose config is inactive or deleted are not
	// claimed; they end here (Batch.Ended).
	Claim(ctx context.Context, c ClaimParams) (Batch, error)

	// GuardStep is the send fence: the last check before the provider call, made again before each
	// retry. It allows the call only if the token is current, the run is live and not ending, the
	// config is active (or ConfigFinish), the lead is not opted out (for marketing), neither the
	// tenant nor the channel is paused, and, for free-form, the window is open at Now. If it allows
	// the call, the run is in sending under Verdict.Attempt and the lease runs until Real+Lease. If
	// the run ended or the token is stale, it answers RefusedStale. When it returns nil, the result
	// is as durable as configured.
	//
	// The checks are made in this order: token, config, opt-out, pause, window. FinishStep knows the
	// attempt that was allowed last.
	//
	// Asking again tells the store that the call before cannot have been sent. A refusal then takes
	// the step from sending back to claimed, under the same token. A run marked ending ends at once,
	// its step cancelled; so does a run whose config is inactive or deleted. A step that was put off
	// while in sending (see ReleaseStep) is armed again for that time, and the answer is
	// RefusedStale.
	GuardStep(ctx context.Context, g GuardStep) (Verdict, error)

	// FinishStep records how a step ended, and arms the next step or ends the run. For a step in
	// sending, the result is accepted by its attempt, exactly once, even after the lease ran out;
	// otherwise by its token, whatever the attempt. ErrStale if it does not match; then nothing
	// changes.
	//
	// If the run is marked ending (for example, a reply came while it was in sending), the outcome
	// is recorded, the run ends with that reason, and nothing is armed. The run ends likewise if its
	// config is in ConfigFinish (ConfigGone), inactive or deleted. EndReason takes precedence over
	// Next. OptOut ends the lead's live runs, including this one, OptedOut.
	FinishStep(ctx context.Context, f FinishStep) (Finished, error)

	// ExtendStep renews the lease of a step whose worker is alive: the lease ends no earlier than
	// real+lease. ErrStale if the token is not current; then the worker's effort is in vain.
	ExtendStep(ctx context.Context, run RunID, token string, real time.Time, lease time.Duration) error

	// ReleaseStep gives a claimed, unsent step back: due as before, without counting a try; or, if
	// Until (domain time) is set, due at Until, counting a try. A stale token is not an error: there
	// is nothing to give back.
	//
	// A step in sending is given back in the same way, by its token. The caller thereby says that the
	// call cannot have been sent. If its run is marked ending, the run ends at Now, its step
	// cancelled. Otherwise the step is due no earlier than its interval after the business last
	// spoke while it was in sending, and no earlier than a receipt has put off the run's next
	// message to.
	ReleaseStep(ctx context.Context, r ReleaseStep) error
}

// ClaimParams says what to claim.
type ClaimParams struct {
	Now   time.Time
	Real  time.Time
	Limit int
	Lease time.Duration
	// PerTenant bounds the steps of one tenant, including those in InHand; 0: no bound. Due steps
	// that it holds back do not make Batch.Next zero.
	PerTenant int
	InHand    map[TenantID]int
}

// Room returns how many more steps of the tenant may be claimed.
func (c ClaimParams) Room(t TenantID) int {
	if c.PerTenant <= 0 {
		return c.Limit
	}
	return max(0, c.PerTenant-c.InHand[t])
}

// Batch is what a claim found.
type Batch struct {
	Steps []Claimed
	Ended []Ended
	// Next is how long until a step will be due, in domain time, at most an hour; zero if Limit cut
	// the batch short.
	Next time.Duration
	// Again is how long until a lease runs out, or until it is worth asking again for steps that
	// were left, in real time, at most an hour.
	Again time.Duration
}

// Wait returns how long the next claim can wait, in real time, if domain time runs at this speed.
func (b Batch) Wait(speed float64) time.Duration {
	return min(time.Duration(float64(b.Next)/speed), b.Again)
}

// Claimed is a step under lease, with the facts that its decision depends on.
type Claimed struct {
	Run     Run // without timeline
	Token   string
	Lead    Lead // with windows
	Paused  bool // the tenant or the channel is paused
	Crashed bool // it was in sending when its worker died
	// Lapsed is how many leases of the step ran out in a row before it could be sent. The count
	// starts anew when the step is given back or its guard allows a call.
	Lapsed int
	// If Crashed: the attempt, and the Kind and UsedStep that its guard was told.
	Attempt  AttemptID
	Kind     StepKind
	UsedStep int
}

// GuardStep asks for permission to send a step.
type GuardStep struct {
	Run   RunID
	Token string
	// To is the addressee. With FreeForm, the window must be open to To.
	To        providers.Contact
	FreeForm  bool
	Marketing bool // a template whose category is marketing or unknown
	// Kind and UsedStep, as in FinishStep, are kept for the worker that finishes the step if this
	// one dies.
	Kind     StepKind
	UsedStep int
	Now      time.Time
	Real     time.Time
	Lease    time.Duration
}

// Refusal says why the guard did not allow a call; empty if it did.
type Refusal string

// The refusals.
const (
	Allowed          Refusal = ""
	RefusedStale     Refusal = "stale" // ended, restarted, put off or taken over: the step is no longer ours
	RefusedWindow    Refusal = "window_closed"
	RefusedOptedOut  Refusal = "opted_out"
	RefusedPaused    Refusal = "paused"
	RefusedLeadMoved Refusal = "lead_moved"
	// RefusedTemplate never comes from the store: the caller found that the template cannot be sent
	// now, and did not ask the store.
	RefusedTemplate Refusal = "template_paused"
	// RefusedLate never comes from the store either: the step has become too late.
	RefusedLate Refusal = "too_late"
)

// Verdict is the guard's answer.
type Verdict struct {
	Refusal Refusal
	Attempt AttemptID
	Opaque  string // what to send as biz_opaque_callback_data
	// Closes is when the window that a free-form message relies on closes, in domain time. The
	// message must leave before that. Zero for a message that relies on no window.
	Closes time.Time
	Ended  []Ended       // runs the guard itself ended: config off, opted out
	Rearm  []AssistantID // from GuardSend: as Settled.Rearm
}

// ReleaseStep gives a step back.
type ReleaseStep struct {
	Run   RunID
	Token string
	Until time.Time // domain time; zero: it is due as before
	Now   time.Time
	Real  time.Time
}

// FinishStep is the result of a step.
type FinishStep struct {
	Run     RunID
	Token   string
	Attempt AttemptID // empty: there was no provider call
	Kind    StepKind
	Outcome Outcome
	Reason  Reason
	// MessageID is the provider's id, if it gave one.
	MessageID string
	Text      string // the text sent, for the history and the relay event; empty: none
	UsedStep  int    // index of the later template step sent in place of this one; 0: none

	// Next is the index of the next step and Interval its wait; Next < 0: the run is complete. The
	// next step is due at Now+Interval, or at NotBefore if that is later.
	Next      int
	Interval  time.Duration
	NotBefore time.Time
	// EndReason ends the run instead of arming the next step (Unreachable, OptedOut).
	EndReason Reason
	// CloseWindow records the provider's "window closed" for the channel, unless the lead has written
	// since the attempt was made.
	CloseWindow bool
	OptOut      bool // records the lead's opt-out
	Now         time.Time
	Real        time.Time
}

// Finished is the state of the run after FinishStep.
type Finished struct {
	State RunState // RunArmed or RunEnded
	Due   time.Time
}
