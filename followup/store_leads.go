package followup

import (
	"context"
	"time"
)

// Identity is what a contact or a CRM names a lead by. At least one field is set. All spellings of a
// phone count as the same phone; see CanonicalPhone.
type Identity struct {
	Phone      string
	UserID     string
	ExternalID string
	// OldPhone and OldUserID are those that the contact had before, according to a notice of change.
	// They are resolved like the others, and never written to a record.
	OldPhone  string
	OldUserID string
	// Lead is one of the tenant's leads, if the caller knows that the other identities belong to it:
	// they come from a status about a message to that lead, or are being added to its record.
	Lead LeadID
	// Sole says that no other lead may have these identities. A caller that assigns an identity to a
	// lead, rather than looking up whose it is, needs it: otherwise two people would be merged into
	// one if another caller was faster.
	Sole bool
}

// LeadStore keeps leads and their identities.
type LeadStore interface {
	// Resolve returns the tenant's lead with any of the identities. If none exists, it creates the
	// lead if create is set, else it returns ErrNotFound. All given identities MUST point to the
	// returned lead afterwards. If they pointed to different leads, these are merged into one before
	// Resolve returns: the older lead wins (earlier created; if equal, the smaller id) and takes in
	// the others in that order. A loser's runs end Merged; its windows (the later), history, dedup
	// ids, opt-out and waiting relay events are imported; Settle and writes return ErrLeadMoved for
	// its id from then on.
	//
	// Lead and Leads show a lead that Resolve created, with these identities. The record of a known
	// lead learns the identities that it lacks and keeps those it has. It does not learn a phone
	// that comes with a user id other than its own, and it learns nothing if a single identity was
	// only looked up.
	//
	// HoldOf decides about a phone that comes with a user id and leads to another lead. If the phone
	// was given up, it points from then on to the lead of the user id, which may be a new one. If
	// the phone is held by another, it stays with its lead and is ignored. Otherwise both leads count
	// as the same person and are merged. The same holds for OldPhone with OldUserID and, if Lead is
	// set, for OldPhone alone.
	//
	// With Lead set, no lead is created. Lead counts as one of the leads that the identities point
	// to; if it was merged, the lead it was merged into counts instead. If it was erased or is not
	// the tenant's, Resolve returns ErrNotFound and no lead gets the identities.
	//
	// With Sole set, no leads are merged. If one of the identities points to a lead other than Lead,
	// or to any lead while Lead is empty, Resolve returns ErrConflict and nothing has changed. A
	// phone then belongs to the lead it points to, whatever user id comes with it.
	//
	// Events of a contact who was not a lead yet become the lead's as soon as one of the contact's
	// identities points to it: the queue, first sights and dead letters of the contact's ContactLead
	// are imported like a loser's, ahead of what is settled afterwards. From then on, and for at
	// least PointerAge, Settle returns ErrLeadMoved for that stand-in. So a caller that looked up
	// the contact before the lead existed cannot settle beside it. Once the lead is erased, the
	// stand-in stands for a stranger again.
	//
	// A merge in detail: reads of the loser's id (Lead, Runs) find nothing. The winner's empty
	// fields are filled from the loser's record, its custom fields by key (JoinFields). Of their two
	// words on opt-out the later counts; of two at the same instant, the stop. A stop that prevails
	// ends the winner's live runs. Of two windows the one with the later LastInbound is taken whole,
	// with the later UsedAt. Histories are merged by time. The loser's queue is appended to the
	// winner's; its delivery that was out becomes stale and is cut anew. Its dead letters become the
	// winner's (their ids may change). Its waiting rearm is forgotten. Its runs and attempts keep
	// their ids: Run reads them, FinishStep finishes one in sending, and a receipt settled to the
	// winner still settles them. What these say of the lead (history, window, opt-out) is applied
	// to the winner, and their happenings join the winner's queue.
	Resolve(ctx context.Context, tenant TenantID, who Identity, create bool, now time.Time) (LeadID, error)

	// Lead returns the lead with its windows, or ErrNotFound if it is not the tenant's.
	Lead(ctx context.Context, tenant TenantID, id LeadID) (Lead, error)

	// Leads lists the tenant's leads with their windows, newest first (then by id, descending), and
	// returns how many match. A search by name looks only at the ScanLimit newest leads; a search by
	// status alone looks at all. A phone finds the lead by any phone that resolves to it. Limit 0
	// returns only the number. While other leads are created or removed, a page of a search neither
	// leaves out a lead that stays nor lists it twice.
	Leads(ctx context.Context, tenant TenantID, f LeadFilter) ([]Lead, int, error)

	// PutLead writes the record of an existing lead if its revision is still Lead.Revision, else it
	// returns ErrConflict. Identities MUST have been resolved before. It does not write windows,
	// except by WindowFrom: each window stays open to whoever opened it, whatever phone or user id
	// the record has now.
	//
	// OptedOut going true ends the live runs (OptedOut), before anything else. If StatusChanged, in
	// the same atomic step: every live run ends (Restarted if Arm is for the same assistant, else
	// StatusLeft), a waiting rearm is forgotten, and Arm, if any, starts a run, unless the lead is
	// opted out or the config is not active. A config that the store has never been told of counts
	// as active, here and at the guard.
	//
	// CreatedAt stays as it was, UpdatedAt becomes Now, and the revision grows with every change of
	// the record, by whichever method. PutLead returns the run that was started, or "".
	PutLead(ctx context.Context, p PutLead) (RunID, error)

	// EraseLead removes everything known of the lead: aliases, record, windows, histories, dedup,
	// runs, pending steps, relay queue and dead letters; and the same of the leads merged into it
	// and of the ContactLead of each of its identities. Its live runs are counted as ended Erased.
	// Afterwards Lead, Run and EraseLead find nothing, Settle and PutLead return ErrLeadMoved, and
	// whatever is out for the lead (a step, a delivery) is stale.
	//
	// What is known under the ids of messages stays until it is old, because without it a late
	// receipt could create the lead again. Idempotency keys stay, too, because a repeated request
	// must not be sent again; FinishKey says why their answers tell nothing.
	EraseLead(ctx context.Context, tenant TenantID, id LeadID, now time.Time) error
}

// PointerAge is how long, in real time, a stand-in points to the lead that its contact became: far
// longer than any caller takes between looking up a lead and settling.
const PointerAge = time.Hour

// ScanLimit is the number of leads that a search by name looks at.
const ScanLimit = 10_000

// LeadFilter selects leads. Phone (digits) must match exactly, in any spelling; Name is a
// case-insensitive substring.
type LeadFilter struct {
	Limit, Offset int
	Phone         string
	Name          string
	StatusID      string
	// Now is domain time. A search by phone that meets a merge half done finishes it.
	Now time.Time
}

// ResumeMargin is how much older than the second of a resume by PutLead a stop may be and still
// count: WhatsApp's timestamps have whole seconds, by a clock of its own.
const ResumeMargin = 2 * time.Second

// PutLead is one write of a lead's record.
type PutLead struct {
	Lead          Lead
	StatusChanged bool
	Arm           *Arm
	// WindowFrom opens the window of Lead.Channel as of this instant (cut-over); zero leaves the
	// window alone. It never moves a window back, and an instant in the future counts as Now.
	WindowFrom time.Time
	Now        time.Time
	Real       time.Time
}

// Arm describes a run to start. The ladder must have at least one step. The caller sees to that,
// because the store does not read ladders.
type Arm struct {
	Config       ConfigID
	Assistant    AssistantID
	Channel      ChannelID
	Ladder       LadderHash
	Interval     time.Duration // of the first step
	RearmOnReply bool
}
