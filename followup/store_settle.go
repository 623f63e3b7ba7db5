package followup

import (
	"context"
	"time"

	"wagate/providers"
)

// SettleStore takes in what happened to a lead.
type SettleStore interface {
	// Settle applies the items of one lead, at most MaxItems, in order and in one atomic step. Each
	// item takes effect at most once: an item whose DedupID was seen within DedupAge (by Real) has
	// no effect. An item without a DedupID is always fresh. When Settle returns nil, what was
	// settled is as durable as configured. It returns ErrLeadMoved if the lead was merged or erased,
	// and ErrNotFound for a lead of another tenant.
	//
	// Settle creates the lead's record if Resolve has only named the lead. From Contact, the record
	// learns the name, phone or user id that it lacks, and another spelling of its phone. It does
	// not learn a phone that comes with a user id other than its own. Without Items, that is all.
	//
	// A store that was given a bound limits the events that wait for an assistant. Settle returns
	// ErrBacklog, and has no effect at all, if a fresh item is to be relayed while that many events
	// wait for the item's assistant, or LeadBacklog of them from this lead alone. The tenant's dead
	// letters for the assistant count as waiting until they are dropped. A settlement that finds
	// room is taken whole. Nothing else is ever refused: not duplicates, items without Relay,
	// happenings, the events that a merge brings, or a replayed dead letter; but all of these count
	// once they wait. A store may give each part of its leads its own share of the bound, so that up
	// to twice the bound wait in all, and may go by what waited up to a second (of its own clock)
	// ago.
	//
	// A run is live until it has ended or is marked ending. Whoever ends or marks it first sets the
	// reason. Settled.Ended holds only runs that ended; a run that is marked ending will have its
	// real outcome. A step that was armed or claimed when its run ended is Cancelled in the
	// timeline, with the run's reason (KindNone); if the reason is Unreachable, it is Failed.
	//
	// Happenings go into the queue of (lead, run.Assistant), with the run's channel, field
	// "followup" and the value {event, run_id, lead_id, step (from 1), outcome, reason, and, if not
	// empty, text and message_id}. They are queued in the same atomic step as what they report,
	// here and in every other method:
	//  - scheduled, when a step is armed for the first time (outcome and reason are empty); not when
	//    its wait starts again, nor when it is given back;
	//  - sent, skipped, failed or uncertain, when the step ends;
	//  - replied, cancelled or completed, when the run ends, after the step's own. The outcome is
	//    that of the step that the end cancelled, or empty if there was none; the reason is the
	//    run's, but empty for completed, because CompletedEnded is the reason of no outcome;
	//  - settled, at a correction, with the new outcome and a reason of that outcome: SentBy the
	//    step's kind, or FailedBy the kind that the receipt told. The timeline keeps the old reason.
	// An item's own Relay comes before the happenings that the item caused.
	//
	// The conversation's UsedAt becomes Now with every fresh item that has Opens, Reply, Outbound or
	// Entry, and with what was sent (FinishStep with Sent or Uncertain, RecordSend with Entry).
	//
	// Effects of a fresh item, in this order:
	//  - Opens: the channel's window counts from At, if that is later than what it counts from. Then
	//    a refusal (Refused) is lifted too, and the window belongs to Contact (Lead.OpenerOf).
	//  - NewIdentity: every window of the lead becomes Refused, unless it counts from later than At.
	//  - OptOut set: the lead's opt-out becomes that value, unless the lead's last word on it was
	//    later than this one, or was a stop of the same instant. True ends the lead's live runs
	//    (OptedOut). Whatever else opts a lead out counts as such a word too: a receipt, as of its
	//    item's At; the answer of a call, and a write that changes OptedOut, as of Now (a resume as
	//    of ResumeMargin before the second of Now).
	//  - Reply: every live run of the lead whose assistant is Assistant or whose channel is Channel
	//    ends (Replied). An armed or claimed step is void at once. A run in sending is marked
	//    ending, and FinishStep still records its result. A run with RearmOnReply leaves a rearm
	//    waiting (one per assistant).
	//  - Outbound: the current step of each of those same runs starts its wait again at Now. An
	//    armed step is then due at Now+Interval, or stays as it is if it was due later. A claimed
	//    step is void and armed again in the same way. A step in sending goes on. Settled.Rearm
	//    names Assistant if its rearm waits, the lead's status is still what it was at the reply,
	//    and At is not before what the channel's window counts from. The rearm goes on waiting
	//    until Start is called for that assistant.
	//  - Receipt: see Receipt.
	//  - Entry: it is appended to the channel's history, which is in the order settled.
	//  - Relay: it is appended to the assistant's queue of this lead. Items of one Assistant may
	//    share one event (the same pointer). It is appended once, with the first of them that is
	//    fresh.
	Settle(ctx context.Context, s Settlement) (Settled, error)
}

// DedupAge is how long, at least, the first sight of an event is remembered: longer than Meta's seven
// days of retries.
const DedupAge = 8 * 24 * time.Hour

// MaxItems bounds the items of one settlement, because a settlement holds up all others in its
// partition. A caller with more items settles them in parts, one after the other.
const MaxItems = 1000

// LeadBacklog returns how many events of one lead may wait for an assistant, if bound may wait in
// all: a tenth of bound, so that one lead's flood does not keep other leads' events out, but no
// fewer than the MaxItems that one settlement may hold, and no more than bound.
func LeadBacklog(bound int) int { return min(bound, max(bound/10, MaxItems)) }

// Settlement holds the events of one lead out of one webhook body.
type Settlement struct {
	Tenant TenantID
	Lead   LeadID
	// Account is true for events that belong to no lead: Lead is a stand-in (AccountLead, GroupLead,
	// ContactLead), and only dedup and relay take effect.
	Account bool
	Contact providers.Contact // as WhatsApp names the contact in all of Items
	Items   []Item
	Now     time.Time
	Real    time.Time
}

// Item is one event as the store sees it. The store knows only effects; the caller has already decided
// what kind of message it was.
type Item struct {
	DedupID   string
	Channel   ChannelID
	Assistant AssistantID // the assistant that the channel is bound to
	At        time.Time   // domain time the window counts from, never after Settlement.Now
	Opens     bool
	Reply     bool
	Outbound  bool // the business spoke from elsewhere (echo)
	// NewIdentity says that the contact's number or user id changed. It is not documented whether
	// WhatsApp carries the window over, so every window of the lead that counts from At or before is
	// Refused until the lead's next message.
	NewIdentity bool
	OptOut      *bool
	OptOutAt    time.Time // when the lead said so, never after Settlement.Now; zero: At
	// Undated says that the event does not tell when the lead opted out. If the lead is no longer
	// opted out, the item is then fresh although its DedupID was seen: it is another opt-out, not a
	// repetition of the earlier one.
	Undated bool
	Receipt *Receipt
	Entry   *Entry
	Relay   *RelayEvent
}

// Receipt is a status about a message of ours.
//
// It takes effect at most once per state, and never against the rank of providers.StatusState:
//   - A state of StatusSent or higher rank settles an Uncertain outcome to Sent.
//   - StatusFailed settles an Uncertain or Sent outcome to Failed. It settles nothing if the step was
//     tried again after this attempt: the outcome is that of the last attempt.
//   - StatusFailed with Kind WindowClosed closes the channel's window, unless the window counts from
//     a later message than when the attempt was made.
//   - StatusFailed with Kind OptedOut opts the lead out, which ends the run; with Undeliverable it
//     ends the run (Unreachable).
//   - StatusFailed with Kind Capped puts the run's next message off to at least 24 h from Now: an
//     armed step; a claimed step, which is taken from its worker; or the step after one in sending.
//
// A settlement of an outcome is recorded in the timeline beside the outcome, and relayed as
// HappeningSettled. A receipt that comes while the step is in sending is remembered, and settles
// the outcome as soon as FinishStep has recorded it. An attempt made by the API has no run, so there
// is no outcome to settle; the rest holds.
type Receipt struct {
	Attempt AttemptID // empty: not a message of ours, or not known yet
	// MessageID is the id that the message has for its sender. A step whose call returned none
	// (Uncertain) gets it with the correction.
	MessageID string
	State     providers.StatusState
	Kind      providers.ErrorKind // for StatusFailed
}

// Settled is the result of a settlement.
type Settled struct {
	Fresh []bool        // per item: whether it was seen for the first time
	Ended []Ended       // runs that ended
	Rearm []AssistantID // assistants whose rearm is now to be started by RunStore.Start
	Due   bool          // there may be something to deliver that was not due before
	// Corrections are the outcomes that receipts of fresh items settled.
	Corrections []Correction
}

// Ended is a run that ended with its step unsent. The counter of cancelled steps counts these. Step
// counts from 1.
type Ended struct {
	Run    RunID
	Step   int
	Reason Reason
}

// Correction is an outcome that a receipt settled.
type Correction struct {
	Run  RunID
	Step int
	From Outcome
	To   Outcome
}
