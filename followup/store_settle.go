package followup

import (
	"context"
	"time"

	"wagate/providers"
)

// SettleStore takes in what happened to a lead.
type SettleStore interface {
	// Settle applies the items of one lead, at most MaxItems, in order, in one atomic step, each
	// at most once: an item whose DedupID was seen within DedupAge has no
	// effect. It creates the lead's record if Resolve has only named it. Of Contact
	// the record learns the name, phone or user id that it lacks, and another
	// spelling of its phone; but no phone that comes with another user id than its
	// own. Without Items that is all. It returns ErrLeadMoved if
	// the lead was merged or erased. When it returns nil, what was settled is
	// as durable as configured.
	//
	// An item without a DedupID is always fresh. The age of a first sight goes by
	// Real. A lead of another tenant is ErrNotFound.
	//
	// What waits for an assistant is bounded, where the store was told a bound: a
	// settlement with a fresh item to be relayed is ErrBacklog, and has no effect at
	// all, while as many events as that wait for the item's assistant, or LeadBacklog
	// of this lead's alone; those in dead letters of the tenant's for it count as waiting until
	// they are dropped. One that finds room is taken whole. Nothing else is ever
	// refused: duplicates, items without Relay, happenings, what a merge brings, a dead
	// letter replayed; all that waits counts. A store may grant each part of its
	// leads a share of its own, so that up to twice the bound wait in all, and go by
	// what waited up to a second (of its own clock) ago.
	//
	// A run is live until it has ended or is marked ending; whoever ends or
	// marks it first gives the reason. Only runs that ended are in Ended; one that is
	// marked ending will have its real outcome. A step that was armed or claimed when its
	// run ended is Cancelled in the timeline, with the run's reason (KindNone); if the reason is
	// Unreachable, it is Failed.
	//
	// Happenings are put into the queue of (lead, run.Assistant), with the run's channel,
	// field "followup", and as value {event, run_id, lead_id, step (from 1),
	// outcome, reason, and if not empty text and message_id}, in the same atomic step as what they
	// tell of, here and in every other method:
	//  - scheduled when a step is armed for the first time (outcome and reason empty; not when its wait
	//    starts again, nor when it is given back);
	//  - sent, skipped, failed or uncertain when it ends;
	//  - replied, cancelled or completed when the run ends, after that; its outcome is that of
	//    the step that was cancelled by it, or empty if none was; its reason is the run's;
	//  - settled at a correction, with the new outcome and the old reason.
	// An item's own Relay comes before the happenings that the item caused.
	//
	// UsedAt of the conversation becomes Now with every fresh item that has
	// Opens, Reply, Outbound or Entry, and with what was sent (FinishStep with Sent or
	// Uncertain, RecordSend with Entry).
	//
	// Effects of a fresh item, in this order:
	//  - Opens: the channel's window counts from At if that is later than what
	//    it counts from; and then a refusal (Refused) is lifted, and the window is Contact's
	//    (Lead.OpenerOf).
	//  - NewIdentity: every window of the lead is Refused that does not count from later than At.
	//  - OptOut set: unless the lead's last word on it was later than this one, or a stop
	//    of the same instant, the lead's opt-out becomes that; true ends its live runs
	//    (OptedOut). Whatever else opts a lead out is such a word, too: a receipt, as of
	//    its item's At; the answer of a call, and a write that changes OptedOut, as of Now.
	//  - Reply: every live run of the lead whose assistant is Assistant or whose
	//    channel is Channel ends (Replied). An armed or claimed step is void at
	//    once. In sending, the run is marked ending, and its result is still
	//    recorded by Finish. A run with RearmOnReply leaves a rearm waiting (one per assistant).
	//  - Outbound: the wait of the current step of those same runs starts again
	//    at Now (an armed step's due becomes Now+Interval, or stays if it is
	//    later than that; a claimed one is void
	//    and armed again like that; one in sending goes on), and Rearm tells Assistant
	//    if its rearm waits, the lead's status is still what it was then, and At is not
	//    before what the channel's window counts from. It goes on waiting until Start is
	//    called for that assistant.
	//  - Receipt: see Receipt.
	//  - Entry is appended to the channel's history, which is in the order settled.
	//  - Relay is appended to the assistant's queue of this lead. Items of one Assistant
	//    may share one (the same pointer): it is appended once, with the first of
	//    them that is fresh.
	Settle(ctx context.Context, s Settlement) (Settled, error)
}

// DedupAge is how long the first sight of an event is remembered at least:
// longer than Meta's seven days of retries.
const DedupAge = 8 * 24 * time.Hour

// MaxItems bounds the items of one settlement, which holds up everybody else's
// in its partition. Who has more settles them one part after the other.
const MaxItems = 1000

// LeadBacklog is how many events of one lead may wait for an assistant for whom
// bound may in all: a tenth, so that a flood of one lead's keeps nobody else's
// out, but no fewer than one settlement may hold.
func LeadBacklog(bound int) int { return min(bound, max(bound/10, MaxItems)) }

// Settlement is the events of one lead out of one webhook body.
type Settlement struct {
	Tenant TenantID
	Lead   LeadID
	// Account is true for events of no lead: Lead is a stand-in (AccountLead,
	// GroupLead, ContactLead), and only dedup and relay take effect.
	Account bool
	Contact providers.Contact // as WhatsApp calls him in all of Items
	Items   []Item
	Now     time.Time
	Real    time.Time
}

// Item is one event as the store sees it. What kind of message it was has been
// decided before; the store knows effects only.
type Item struct {
	DedupID   string
	Channel   ChannelID
	Assistant AssistantID // whom the channel is bound to
	At        time.Time   // domain time the window counts from, never after Settlement.Now
	Opens     bool
	Reply     bool
	Outbound  bool // the business spoke from elsewhere (echo)
	// NewIdentity says that the contact's number or user id changed. Whether WhatsApp
	// takes the window over is not documented, so every window of the lead that counts from At or
	// before is refused until his next message.
	NewIdentity bool
	OptOut      *bool
	OptOutAt    time.Time // since when the lead wants that, never after Settlement.Now; zero: At
	Undated     bool      // nobody said when he opted out: another event than an earlier one of that id, if he no longer is
	Receipt     *Receipt
	Entry       *Entry
	Relay       *RelayEvent
}

// Receipt is a status about a message of ours.
//
// Its effect, at most once per state and never against the rank of
// providers.StatusState: Sent or better settles an Uncertain outcome to Sent;
// Failed settles Uncertain and Sent to Failed (beside, in the timeline); each
// settlement is relayed as HappeningSettled. That an attempt failed behind which its step was
// tried again settles nothing: the outcome is the last one's. Failed with Kind WindowClosed
// closes the channel's window unless it counts from a later message than when
// the attempt was made. Failed with OptedOut opts the lead out; Undeliverable
// (Unreachable) and OptedOut end the run. Capped puts the run's next message off to
// 24 h from Now at least: an armed step, a claimed one, which is taken from its worker,
// or the one behind a step in sending. A receipt that comes while the step is in sending
// is remembered, and settles the outcome as soon as Finish has recorded it. An
// attempt made by the API has no run: there is nothing to settle, the rest holds.
type Receipt struct {
	Attempt AttemptID // empty: not a message of ours, or not known (yet)
	// MessageID is the id the message has for its sender. A step whose call gave
	// none (Uncertain) gets it with the correction.
	MessageID string
	State     providers.StatusState
	Kind      providers.ErrorKind // for StatusFailed
}

// Settled is what a settlement did.
type Settled struct {
	Fresh []bool        // per item: first sight
	Ended []Ended       // runs that ended
	Rearm []AssistantID // assistants whose rearm is to be started now, by RunStore.Start
	Due   bool          // there may be something to deliver that was not due before
	// Corrections are the outcomes that receipts of fresh items settled.
	Corrections []Correction
}

// Ended is a run that ended with its step unsent; it is what the counter of
// cancelled steps counts. Step counts from 1.
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
