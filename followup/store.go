package followup

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"wagate/providers"
)

// Errors of the store. Everything else it returns means that the store could
// not be reached or did not promise what it was asked to (durability): nothing
// may be acknowledged and nothing sent.
var (
	ErrNotFound = errors.New("followup: not found")
	ErrExists   = errors.New("followup: already exists")
	// ErrConflict: the record changed since it was read; read it again.
	ErrConflict = errors.New("followup: changed meanwhile")
	// ErrLeadMoved: the lead was merged into another or erased since it was
	// resolved; resolve again.
	ErrLeadMoved = errors.New("followup: lead moved")
	// ErrStale: the token is not the one of the current claim; the work belongs
	// to somebody else or to nobody.
	ErrStale = errors.New("followup: stale token")
	// ErrNotDurable: written, but not as durably as configured.
	ErrNotDurable = errors.New("followup: not as durable as configured")
)

// Store is the contract between the engine and Redis. It is implemented on
// Redis (package redisstore) and, as the reference, in memory (memstore);
// storetest checks every MUST below on both.
//
// Every method MUST be atomic as seen by every other method on the same lead,
// MUST give the same result when the same call is repeated after an error of
// transport (the client retries), and MUST copy what it keeps of its arguments.
//
// Runs that end by a call are in its result where that has a place for them; of
// all others (by a merge, a change of the record, an erasure, another step's result)
// the implementation tells a function it was given, so that they are counted.
//
// Two clocks appear: domain time (`now`, due, window) and real time (`real`,
// leases, relay); both are arguments. Times are kept in milliseconds.
type Store interface {
	LeadStore
	SettleStore
	RunStore
	StepStore
	SendStore
	ConfigStore
	ControlStore
	RelayStore
	MessageStore
}

// Identity is what a contact or a CRM names a lead by. At least one is set.
type Identity struct {
	Phone      string
	UserID     string
	ExternalID string
	// OldPhone and OldUserID are what a notice of change says the contact had
	// before. They are resolved like the others, and never written to a record.
	OldPhone  string
	OldUserID string
}

// LeadStore keeps leads and who they are.
type LeadStore interface {
	// Resolve returns the tenant's lead with any of the identities; it creates
	// the lead if none exists and create is set, else returns ErrNotFound. All
	// given identities MUST point to the returned lead afterwards. If they
	// pointed to different leads, these are merged into one before Resolve
	// returns: the loser's runs end Merged; its windows (the later), history,
	// dedup ids, opt-out and waiting relay events are imported; its id answers
	// ErrLeadMoved (to Settle and writes) from then on. The older lead wins
	// (earlier created; if equal, the smaller id). A lead that Resolve created is
	// seen by Lead and Leads, with these identities; a known lead's record learns
	// those it lacks and keeps those it has.
	//
	// Of the merge: reads of the loser's id (Lead, Runs) find nothing. The
	// winner's empty fields are filled from the loser's record, opt-out is true
	// if either was (and then ends the winner's live runs), and of two
	// windows the one with the later LastInbound is taken whole, with the later
	// UsedAt. Histories are put together by time. The loser's queue is appended to
	// the winner's; its delivery that was out becomes stale and is cut anew.
	// Dead letters become the winner's (their ids may change). A waiting rearm of
	// the loser is forgotten. Its runs and attempts keep their ids: Run reads
	// them, FinishStep finishes one in sending, and a receipt settled to the
	// winner still settles them.
	Resolve(ctx context.Context, tenant TenantID, who Identity, create bool, now time.Time) (LeadID, error)

	// Lead returns the lead with its windows, or ErrNotFound if it is not the tenant's.
	Lead(ctx context.Context, tenant TenantID, id LeadID) (Lead, error)

	// Leads lists the tenant's leads with their windows, newest first (then by
	// id, descending), and how many match. Name search and status filter look at
	// no more than the ScanLimit newest leads. A phone finds the lead by any
	// phone that resolves to it. Limit 0 gives only the number.
	Leads(ctx context.Context, tenant TenantID, f LeadFilter) ([]Lead, int, error)

	// PutLead writes the record of an existing lead if its revision is still
	// Lead.Revision, else returns ErrConflict. Windows are not written, but
	// for WindowFrom. If StatusChanged, in the same atomic step: every live run
	// ends (Restarted if Arm is for the same assistant, else StatusLeft), a
	// waiting rearm is forgotten, and Arm, if any, starts a run, unless the
	// lead is opted out or the config is not active. OptedOut going true ends
	// the live runs (OptedOut), before anything else. Identities MUST have been resolved before.
	// CreatedAt is kept as it was, UpdatedAt becomes Now, and the revision grows
	// with every change of the record, by whichever method. A config the store has
	// never been told of counts as active, here and at the guard.
	// Result: the run started, or "".
	PutLead(ctx context.Context, p PutLead) (RunID, error)

	// EraseLead removes everything known of the lead: aliases, record, windows,
	// histories, dedup, runs, pending steps, relay queue, dead letters, and all
	// of that of the leads merged into it. Live
	// runs are counted as ended Erased. Afterwards Lead, Run and EraseLead find
	// nothing, Settle and PutLead return ErrLeadMoved, and whatever is out for
	// the lead (a step, a delivery) is stale.
	EraseLead(ctx context.Context, tenant TenantID, id LeadID, now time.Time) error
}

// ScanLimit bounds how many leads a search by name or status looks at.
const ScanLimit = 10_000

// LeadFilter selects leads. Phone (digits) is exact; Name is a
// case-insensitive part.
type LeadFilter struct {
	Limit, Offset int
	Phone         string
	Name          string
	StatusID      string
}

// PutLead is one write of a lead's record.
type PutLead struct {
	Lead          Lead
	StatusChanged bool
	Arm           *Arm
	// WindowFrom opens the window of Lead.Channel from this instant (cut-over);
	// zero: leave it. It never moves a window back.
	WindowFrom time.Time
	Now        time.Time
	Real       time.Time
}

// Arm describes a run to start. A run whose ladder has no steps is never
// started; the caller sees to that, as the store does not read ladders.
type Arm struct {
	Config       ConfigID
	Assistant    AssistantID
	Channel      ChannelID
	Ladder       LadderHash
	Interval     time.Duration // of the first step
	RearmOnReply bool
}

// SettleStore takes in what happened to a lead.
type SettleStore interface {
	// Settle applies the items of one lead in order, in one atomic step, each
	// at most once: an item whose DedupID was seen within DedupAge has no
	// effect. It creates the lead's record if Resolve has only named it, and
	// fills in a missing name, phone or user id. It returns ErrLeadMoved if
	// the lead was merged or erased. When it returns nil, what was settled is
	// as durable as configured.
	//
	// An item without a DedupID is always fresh. The age of a first sight goes by
	// Real. A lead of another tenant is ErrNotFound.
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
	//    it counts from; and then a refusal (Refused) is lifted.
	//  - OptOut set: the lead's opt-out becomes that; true ends its live runs (OptedOut).
	//  - Reply: every live run of the lead whose assistant is Assistant or whose
	//    channel is Channel ends (Replied). An armed or claimed step is void at
	//    once. In sending, the run is marked ending, and its result is still
	//    recorded by Finish. A run with RearmOnReply leaves a rearm waiting (one per assistant).
	//  - Outbound: the wait of the current step of those same runs starts again
	//    at Now (an armed step's due becomes Now+Interval, or stays if it is
	//    later than that; a claimed one is void
	//    and armed again like that; one in sending goes on), and Rearm tells Assistant
	//    if its rearm waits and the lead's status is still what it was then. It goes
	//    on waiting until Start is called for that assistant.
	//  - Receipt: see Receipt.
	//  - Entry is appended to the channel's history, which is in the order settled.
	//  - Relay is appended to the assistant's queue of this lead.
	Settle(ctx context.Context, s Settlement) (Settled, error)
}

// DedupAge is how long the first sight of an event is remembered at least:
// longer than Meta's seven days of retries.
const DedupAge = 8 * 24 * time.Hour

// Settlement is the events of one lead out of one webhook body.
type Settlement struct {
	Tenant TenantID
	Lead   LeadID
	// Account is true for events that concern an account and no contact: Lead is
	// AccountLead of the channel, and only dedup and relay take effect.
	Account bool
	Contact providers.Contact
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
	OptOut    *bool
	Receipt   *Receipt
	Entry     *Entry
	Relay     *RelayEvent
}

// Receipt is a status about a message of ours.
//
// Its effect, at most once per state and never against the rank of
// providers.StatusState: Sent or better settles an Uncertain outcome to Sent;
// Failed settles Uncertain and Sent to Failed (beside, in the timeline); each
// settlement is relayed as HappeningSettled. Failed with Kind WindowClosed
// closes the channel's window unless it counts from a later message than when
// the attempt was made. Failed with OptedOut opts the lead out; Undeliverable
// (Unreachable) and OptedOut end the run. A receipt that comes while the step is in sending
// is remembered, and settles the outcome as soon as Finish has recorded it. An
// attempt made by the API has no run: there is nothing to settle, the rest holds.
type Receipt struct {
	Attempt AttemptID // empty: not a message of ours, or not known (yet)
	State   providers.StatusState
	Kind    providers.ErrorKind // for StatusFailed
	Code    int
}

// Settled is what a settlement did.
type Settled struct {
	Fresh []bool        // per item: first sight
	Ended []Ended       // runs that ended
	Rearm []AssistantID // assistants whose rearm is to be started now, by RunStore.Start
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

// RunStore starts, ends and shows runs.
type RunStore interface {
	// Start starts a run by hand or by rearm. A live run of the same assistant
	// ends Restarted, if one is started. A rearm that waited for the assistant is forgotten. With Rearm set it does nothing unless a rearm is waiting
	// for the assistant. Result "" if no run was started: the lead is opted out, the
	// config is not active, or nothing waited.
	Start(ctx context.Context, tenant TenantID, lead LeadID, a Arm, rearm bool, now, real time.Time) (RunID, []Ended, error)

	// Cancel ends a live run with the reason ByAPI. A run that has ended is left as
	// it is. ErrNotFound if there is no such run of the tenant.
	Cancel(ctx context.Context, tenant TenantID, run RunID, now, real time.Time) ([]Ended, error)

	// Run returns one run, live or ended less than 30 days ago, or ErrNotFound.
	// Its timeline has one Moment for every step that ended, and for a live run
	// the current step last, without outcome. Step, Interval and DueAt are meaningful while it is live.
	Run(ctx context.Context, tenant TenantID, id RunID) (Run, error)

	// Runs returns the lead's runs, newest first, or ErrNotFound for the lead.
	Runs(ctx context.Context, tenant TenantID, lead LeadID) ([]Run, error)

	// SaveLadder keeps a ladder under its hash; Ladder reads it.
	SaveLadder(ctx context.Context, tenant TenantID, h LadderHash, l Ladder) error
	Ladder(ctx context.Context, tenant TenantID, h LadderHash) (Ladder, error)
}

// RunAge is how long an ended run can be read.
const RunAge = 30 * 24 * time.Hour

// StepStore is the clockwork: claim, guard, finish.
type StepStore interface {
	// Claim takes up to Limit steps that are due at now, round-robin by tenant,
	// oldest due first within a tenant, each for Lease (real time). A claimed
	// step MUST NOT be claimed again before its lease has run out or it was
	// given back. Steps whose lease ran out are claimed again first: a claimed
	// one as before with a new token; one in sending with Crashed set, to be
	// finished Uncertain and never sent. Steps of configs that are not active
	// end here instead (Batch.Ended). Next is how long until something will be due, in
	// domain time, bounded by an hour; zero if Limit cut the batch short. A lease that
	// will run out counts as something that will be due. Each token is new. A crashed
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

	// ReleaseStep gives a claimed, unsent step back, due as before and without
	// counting a try; or at Until (domain time) counting one, if that is set.
	// A stale token is not an error: there is nothing to give back. A step in sending is
	// given back by its token likewise: the caller says that the call cannot have been
	// sent. If its run is marked ending, the run ends, its step cancelled.
	ReleaseStep(ctx context.Context, run RunID, token string, until time.Time) error
}

// ClaimParams says what to claim.
type ClaimParams struct {
	Now   time.Time
	Real  time.Time
	Limit int
	Lease time.Duration
}

// Batch is what a claim found.
type Batch struct {
	Steps []Claimed
	Ended []Ended
	Next  time.Duration
}

// Claimed is a step under lease, with the facts to decide on.
type Claimed struct {
	Run     Run // without timeline
	Token   string
	Lead    Lead      // with windows
	Paused  bool      // the tenant or the channel is paused
	Crashed bool      // it was in sending when its worker died
	Attempt AttemptID // set if Crashed
}

// GuardStep asks for leave to send a step.
type GuardStep struct {
	Run       RunID
	Token     string
	FreeForm  bool
	Marketing bool // a template whose category is marketing or unknown
	Now       time.Time
	Real      time.Time
	Lease     time.Duration
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
)

// Verdict is the guard's answer.
type Verdict struct {
	Refusal Refusal
	Attempt AttemptID
	Opaque  string        // what to send as biz_opaque_callback_data
	Ended   []Ended       // runs the guard itself ended: config off, opted out
	Rearm   []AssistantID // GuardSend: as Settled.Rearm
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

// SendStore guards and records what is sent through the API.
type SendStore interface {
	// GuardSend is GuardStep for a message of an assistant. It bumps the lead's generation:
	// claimed steps of the runs concerned (as for Item.Outbound) are void and
	// armed again at now+Interval, armed ones wait anew. A step already in
	// sending goes on. Opted-out leads refuse marketing only. A refused call has no effect.
	// The checks are made in this order: lead moved, opt-out, pause, window.
	// A lead that is not the tenant's is ErrNotFound.
	GuardSend(ctx context.Context, g GuardSend) (Verdict, error)

	// RecordSend records the result of an attempt made under GuardSend: message
	// id, history entry, and the provider's "window closed" or opt-out. Recording
	// an attempt again changes nothing.
	RecordSend(ctx context.Context, r RecordSend) error

	// BeginKey claims an idempotency key of the tenant for a request with this
	// fingerprint. If the key is new (or its owner's lease ran out before any
	// attempt was made): KeyNew. If another request holds it: KeyBusy. If it was
	// finished: KeyDone with the answer. If the fingerprint differs: KeyMismatch.
	BeginKey(ctx context.Context, tenant TenantID, key, fingerprint string, real time.Time, lease time.Duration) (KeyAnswer, error)
	// FinishKey stores the answer for KeyAge; DropKey forgets the key, so that
	// the same request may be tried again.
	FinishKey(ctx context.Context, tenant TenantID, key string, answer []byte, real time.Time) error
	DropKey(ctx context.Context, tenant TenantID, key string) error

	// Pace takes one slot of the channel's rate (messages per second, with
	// burst), shared by all replicas, and returns how long to wait before using it.
	Pace(ctx context.Context, channel ChannelID, perSecond float64, burst int, real time.Time) (time.Duration, error)

	// History returns the conversation's last messages, oldest first, within
	// HistoryMessages and HistoryAge of now.
	History(ctx context.Context, lead LeadID, channel ChannelID, now time.Time) ([]Entry, error)
}

// KeyAge is how long an idempotency key is remembered.
const KeyAge = 24 * time.Hour

// KeyState is where an idempotency key stands.
type KeyState string

// The states of an idempotency key.
const (
	KeyNew      KeyState = "new"
	KeyBusy     KeyState = "busy"
	KeyDone     KeyState = "done"
	KeyMismatch KeyState = "mismatch"
)

// KeyAnswer is what BeginKey found.
type KeyAnswer struct {
	State  KeyState
	Answer []byte
}

// GuardSend asks for leave to send a message of an assistant.
type GuardSend struct {
	Tenant    TenantID
	Lead      LeadID
	Channel   ChannelID
	Assistant AssistantID
	FreeForm  bool
	Marketing bool
	Opaque    string    // the caller's biz_opaque_callback_data, to be given back
	Previous  AttemptID // on a retry: the attempt that cannot have been sent; it is reused
	Now       time.Time
	Real      time.Time
}

// RecordSend is the result of an API send.
type RecordSend struct {
	Tenant      TenantID
	Lead        LeadID
	Channel     ChannelID
	Attempt     AttemptID
	MessageID   string
	Entry       *Entry // nil unless it was (or may have been) sent
	CloseWindow bool
	OptOut      bool
	Now         time.Time
	Real        time.Time
}

// ConfigStore keeps follow-up configurations.
type ConfigStore interface {
	// CreateConfig stores a config; ErrExists if its assistant has one.
	CreateConfig(ctx context.Context, c Config) error
	// Config, ConfigByAssistant: ErrNotFound if there is none of this tenant.
	Config(ctx context.Context, tenant TenantID, id ConfigID) (Config, error)
	ConfigByAssistant(ctx context.Context, tenant TenantID, a AssistantID) (Config, error)
	// Configs lists the tenant's, oldest first, then by id.
	Configs(ctx context.Context, tenant TenantID) ([]Config, error)
	// UpdateConfig replaces the config if it is still as updated at prev, else
	// ErrConflict. Before it returns, every partition's guard knows the new
	// state, and if it went inactive its live runs have ended (ConfigOff).
	UpdateConfig(ctx context.Context, c Config, prev time.Time, now, real time.Time) ([]Ended, error)
	// DeleteConfig removes it; its live runs end (ConfigGone) before it returns, or, with
	// finish, after the step that is armed now.
	DeleteConfig(ctx context.Context, tenant TenantID, id ConfigID, finish bool, now, real time.Time) ([]Ended, error)
}

// ControlStore pauses and resumes sending, for operators.
type ControlStore interface {
	// Pause stops (or resumes) all sends of a tenant, or of one channel of it if
	// channel is set: steps that fall due are skipped (Paused), API sends are
	// refused. Before it returns, every partition's guard knows.
	Pause(ctx context.Context, tenant TenantID, channel ChannelID, paused bool) error
	// Pauses lists what is paused: channels, and "" for the tenant itself.
	Pauses(ctx context.Context, tenant TenantID) ([]ChannelID, error)
	// Stats reads the state for gauges, within the context's deadline.
	Stats(ctx context.Context, now, real time.Time) (Stats, error)
	// Ping reaches the store.
	Ping(ctx context.Context) error
}

// Stats is the state of the whole store.
type Stats struct {
	WindowsOpen  int
	StepsPending int           // armed and claimed
	StepsOverdue time.Duration // age of the oldest step that is due and not claimed; domain time
	RelayPending int           // conversations with events waiting
	RelayLag     time.Duration // age of the oldest delivery that could be tried now; real time
	RelayDead    int
}

// RelayEvent is one event on its way to an assistant.
type RelayEvent struct {
	Channel ChannelID       `json:"c"`
	Account string          `json:"a,omitempty"` // entry[].id
	Field   string          `json:"f"`
	Value   json.RawMessage `json:"v"`
}

// RelayStore is the queue of deliveries: one per lead and assistant, in the
// order settled.
type RelayStore interface {
	// ClaimDeliveries takes up to Limit deliveries that may be tried at real,
	// round-robin by assistant, none of Skip, each under a lease. A delivery is
	// the longest run of events of one channel at the head of a queue, at most
	// MaxEvents; it is frozen at its first claim: same ID and events until it is
	// finished. At most one delivery of a queue is out at a time; one whose
	// lease ran out is claimed again, and counts as tried. Within an assistant the queue
	// whose head waits longest comes first. Next: how long until something can be
	// tried (a retry, a lease that runs out), bounded by an hour; zero if Limit cut short.
	ClaimDeliveries(ctx context.Context, c ClaimDeliveries) ([]Delivery, time.Duration, error)
	// FinishDelivery ends a claim: delivered (events removed), to be retried at
	// RetryAt, released (as if never claimed; one never tried may be cut anew), or dead (moved to the dead
	// letters with its reason). ErrStale if the token is not current. What is
	// behind a delivery waits for it.
	FinishDelivery(ctx context.Context, f FinishDelivery) error

	// DeadLetters lists the tenant's dead letters ("" for all tenants), newest
	// first; DeadLetter returns one with its events. Replay puts it at the end
	// of its queue; Drop forgets it. ErrNotFound where there is none.
	DeadLetters(ctx context.Context, tenant TenantID, limit, offset int) ([]DeadLetter, int, error)
	DeadLetter(ctx context.Context, id string) (DeadLetter, error)
	ReplayDead(ctx context.Context, id string, real time.Time) error
	DropDead(ctx context.Context, id string) error
}

// ClaimDeliveries says what to claim.
type ClaimDeliveries struct {
	Real      time.Time
	Limit     int
	MaxEvents int
	Lease     time.Duration
	Skip      []AssistantID // busy or broken at this replica
}

// Delivery is a frozen batch of one conversation's events under lease.
type Delivery struct {
	ID        string // the webhook-id
	Token     string
	Tenant    TenantID
	Assistant AssistantID
	Lead      LeadID
	Channel   ChannelID
	Events    []RelayEvent
	Attempts  int       // tries before this one
	Rejected  int       // of these, answered 400, 413 or 422
	FirstAt   time.Time // first claim; real time
	QueuedAt  time.Time // when its first event was settled; real time
	Window    Conversation
}

// FinishDelivery is the result of a try. Exactly one of Delivered, Release,
// Dead and RetryAt is set.
type FinishDelivery struct {
	Delivery  Delivery
	Delivered bool
	Release   bool
	Dead      string // reason
	RetryAt   time.Time
	Rejected  bool // with RetryAt: count a rejection
	Real      time.Time
}

// DeadLetter is a delivery that was given up.
type DeadLetter struct {
	ID        string       `json:"id"` // partition and webhook-id
	Tenant    TenantID     `json:"tenant_id"`
	Assistant AssistantID  `json:"assistant_id"`
	Lead      LeadID       `json:"lead_id"`
	Channel   ChannelID    `json:"channel_id"`
	Reason    string       `json:"reason"`
	Attempts  int          `json:"attempts"`
	QueuedAt  time.Time    `json:"queued_at"`
	DeadAt    time.Time    `json:"dead_at"`
	Count     int          `json:"count"`            // number of events
	Events    []RelayEvent `json:"events,omitempty"` // only from DeadLetter
}

// MessageStore maps provider message ids to what we sent.
type MessageStore interface {
	// LinkMessage makes ref found by each of its ids, and returns the receipts
	// that were parked under any of them, to be settled now. It adds to what
	// is known: an id linked before keeps its attempt, and learns the ids; ids
	// linked together share one attempt.
	LinkMessage(ctx context.Context, ref MessageRef) ([]Parked, error)
	// Message returns the message known by id, or ErrNotFound. With park set and
	// nothing known, the receipt is kept under id until LinkMessage or a week passes.
	Message(ctx context.Context, id string, park *Parked) (MessageRef, error)
}

// MessageRef is a message of ours by its ids.
type MessageRef struct {
	Attempt    AttemptID // empty: none of ours
	SenderID   string    // the id its sender was given
	ProviderID string    // WhatsApp's own id, to be used when quoting; empty: not known yet
	Opaque     string    // the sender's biz_opaque_callback_data, to be given back in statuses; empty: none
}

// Parked is a receipt that came before the answer of the send call.
type Parked struct {
	Tenant  TenantID  `json:"t"`
	Channel ChannelID `json:"c"`
	Receipt Receipt   `json:"r"`
	At      time.Time `json:"a"`
}
