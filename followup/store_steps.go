package followup

import (
	"context"
	"time"

	"wagate/providers"
)

// StepStore is the clockwork: claim, guard, finish.
type StepStore interface {
	// Claim takes up to Limit steps that are due at now, round-robin by tenant,
	// the least late first within a tenant, each for Lease (real time): after an outage
	// what can still be kept is not held up by what is too late anyway. A claimed
	// step MUST NOT be claimed again before its lease has run out or it was
	// given back. Steps whose lease ran out are claimed again first: a claimed
	// one with a new token and Lapsed one more; one in sending with Crashed set, to be
	// finished Uncertain and never sent. Steps of configs that are not active
	// end here instead (Batch.Ended). Each token is new. A crashed
	// step stays in sending: it can be finished, by its attempt, and not guarded or released.
	Claim(ctx context.Context, c ClaimParams) (Batch, error)

	// GuardStep is the send fence: the last thing before the provider call, and again
	// before each retry. It allows the call only if the token is current, the
	// run is live and not ending, the lead is not opted out (for marketing),
	// neither tenant nor channel is paused, the config is active (or Finish),
	// and, for free-form, the window is open at now. If it allows, the run is in
	// sending under Verdict.Attempt, the lease runs until real+Lease, and the
	// lead's generation is new. If the run ended or the token is stale: Stale. When it
	// returns nil, that is as durable as configured.
	//
	// The checks are made in this order: token, config, opt-out, pause, window. The attempt
	// allowed last is the one that FinishStep knows. Asking again says that the call before cannot have been
	// sent: a refusal takes the step from sending back to claimed under the same
	// token; and a run marked ending ends now, its step cancelled. So does a run whose config is not active.
	GuardStep(ctx context.Context, g GuardStep) (Verdict, error)

	// FinishStep records how a step ended and arms the next step or ends the
	// run. In sending, it is accepted by attempt, lease or not, exactly once;
	// otherwise by token, whatever the attempt. ErrStale if neither matches; then nothing changes.
	// If the run is ending (a reply came while it was in sending), the outcome
	// is recorded and the run ends with that reason; nothing is armed. The same for a
	// config in ConfigFinish, with ConfigGone, and for one that is not active.
	// EndReason comes before Next; OptOut ends the lead's live runs, and this one, OptedOut.
	FinishStep(ctx context.Context, f FinishStep) (Finished, error)

	// ExtendStep keeps a claimed step, whose worker is alive, from being claimed
	// again: its lease ends no earlier than real+lease. ErrStale if the token is
	// not current; then the work is for nothing.
	ExtendStep(ctx context.Context, run RunID, token string, real time.Time, lease time.Duration) error

	// ReleaseStep gives a claimed, unsent step back, due as before and without
	// counting a try; or at Until (domain time) counting one, if that is set.
	// A stale token is not an error: there is nothing to give back. A step in sending is
	// given back by its token likewise: the caller says that the call cannot have been
	// sent. If its run is marked ending, the run ends at Now, its step cancelled. It is due no earlier than an interval
	// after the business spoke meanwhile, and than a receipt had the run's next message put off to.
	ReleaseStep(ctx context.Context, r ReleaseStep) error
}

// ClaimParams says what to claim.
type ClaimParams struct {
	Now   time.Time
	Real  time.Time
	Limit int
	Lease time.Duration
	// PerTenant bounds the steps of one tenant, those in InHand counted; 0: no
	// bound. Due steps that it holds back do not make Batch.Next zero.
	PerTenant int
	InHand    map[TenantID]int
}

// Room is how many more steps of the tenant may be claimed.
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
	// Next is how long until a step will be due, in domain time, bounded by an hour; zero if
	// Limit cut the batch short.
	Next time.Duration
	// Again is how long until a lease runs out, or until it is worth asking again for what was
	// left, in real time, bounded by an hour.
	Again time.Duration
}

// Wait is how long the next claim can wait, in real time, where domain time runs at this speed.
func (b Batch) Wait(speed float64) time.Duration {
	return min(time.Duration(float64(b.Next)/speed), b.Again)
}

// Claimed is a step under lease, with the facts to decide on.
type Claimed struct {
	Run     Run // without timeline
	Token   string
	Lead    Lead // with windows
	Paused  bool // the tenant or the channel is paused
	Crashed bool // it was in sending when its worker died
	// Lapsed is how many leases of it ran out in a row before anything of it could be
	// sent. It begins anew when the step is given back, or may be sent.
	Lapsed int
	// If Crashed: the attempt, and what its guard was told was going out.
	Attempt  AttemptID
	Kind     StepKind
	UsedStep int
}

// GuardStep asks for leave to send a step.
type GuardStep struct {
	Run   RunID
	Token string
	// To is whom the message is addressed to. With FreeForm the window must be his.
	To        providers.Contact
	FreeForm  bool
	Marketing bool // a template whose category is marketing or unknown
	// Kind and UsedStep, as in FinishStep, are kept for whoever has to finish the
	// step if its worker dies.
	Kind     StepKind
	UsedStep int
	Now      time.Time
	Real     time.Time
	Lease    time.Duration
}

// Refusal says why the guard did not allow a call. Empty: it did.
type Refusal string

// The refusals.
const (
	Allowed          Refusal = ""
	RefusedStale     Refusal = "stale" // ended, restarted, snoozed or taken over: not ours any more
	RefusedWindow    Refusal = "window_closed"
	RefusedOptedOut  Refusal = "opted_out"
	RefusedPaused    Refusal = "paused"
	RefusedLeadMoved Refusal = "lead_moved"
	// RefusedTemplate is never the store's: who asks the guard found that the
	// template cannot be sent now, and did not ask it.
	RefusedTemplate Refusal = "template_paused"
	// RefusedLate is never the store's either: the step has become too late.
	RefusedLate Refusal = "too_late"
)

// Verdict is the guard's answer.
type Verdict struct {
	Refusal Refusal
	Attempt AttemptID
	Opaque  string // what to send as biz_opaque_callback_data
	// Closes is when the window closes that a free-form message relies on, in domain
	// time: one that leaves no earlier must not leave. Zero: it relies on none.
	Closes time.Time
	Ended  []Ended       // runs the guard itself ended: config off, opted out
	Rearm  []AssistantID // GuardSend: as Settled.Rearm
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
	Attempt AttemptID // empty: it never came to a provider call
	Kind    StepKind
	Outcome Outcome
	Reason  Reason
	// MessageID is the provider's id, if it told one.
	MessageID string
	Text      string // what was said, for the history and the relay event; empty: nothing
	UsedStep  int    // index of the later template step sent in this one's place; 0: none

	// Next is the index of the next step, Interval its wait; Next < 0: the run is
	// complete. NotBefore, if later than now+Interval, is when it is due.
	Next      int
	Interval  time.Duration
	NotBefore time.Time
	// EndReason ends the run instead of arming the next step (Unreachable, OptedOut).
	EndReason Reason
	// CloseWindow records the provider's "window closed" for the channel, unless
	// the lead wrote since the attempt was made.
	CloseWindow bool
	OptOut      bool // record the lead's opt-out
	Now         time.Time
	Real        time.Time
}

// Finished is what finishing led to.
type Finished struct {
	State RunState // RunArmed or RunEnded
	Due   time.Time
}
