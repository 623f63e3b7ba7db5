package followup

import (
	"context"
	"time"
)

// Identity is what a contact or a CRM names a lead by. At least one is set. A
// phone is the same in each of its spellings, see CanonicalPhone.
type Identity struct {
	Phone      string
	UserID     string
	ExternalID string
	// OldPhone and OldUserID are what a notice of change says the contact had
	// before. They are resolved like the others, and never written to a record.
	OldPhone  string
	OldUserID string
	// Lead is one of the tenant's leads that is known to have the others: they are
	// said of a message to him.
	Lead LeadID
	// Sole says that nobody else may have them. Whoever gives an identity to a lead, and not
	// finds out whose it is, would make two people one if another was faster.
	Sole bool
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
	// (earlier created; if equal, the smaller id), and takes the others in in that
	// order. A lead that Resolve created is
	// seen by Lead and Leads, with these identities; a known lead's record learns
	// those it lacks and keeps those it has; but no phone that comes with another
	// user id than its own, and nothing where one identity was only looked for.
	//
	// A phone that comes with a user id, and leads elsewhere, counts as HoldOf says: one
	// that was given up leads to the lead of the user id from then on, which may be a new
	// one; one that is held by another stays his and says nothing. The same holds for
	// OldPhone and OldUserID; with Lead set, for OldPhone alone as well.
	//
	// With Lead set none is created. It counts among the leads that are one, and for
	// the one it was merged into; if it was erased or is not the tenant's,
	// Resolve returns ErrNotFound and nobody gets the identities.
	//
	// With Sole set nobody is merged: if one of them leads to another lead than Lead, or to
	// any where that is empty, Resolve returns ErrConflict, and nothing has changed. A phone is
	// then whose it leads to, whatever user id comes with it.
	//
	// What came for a contact before he was a lead is the lead's once one of his
	// identities is found to lead to him: queue, first sights and dead letters of its
	// ContactLead are imported like a loser's, ahead of what is settled then. From
	// the time that it has led to him, and for PointerAge at least, Settle returns
	// ErrLeadMoved for that stand-in. So whoever looked before the lead was there
	// settles nothing beside him. Once the lead is erased it stands for a stranger again.
	//
	// Of the merge: reads of the loser's id (Lead, Runs) find nothing. The
	// winner's empty fields are filled from the loser's record, its custom ones by key
	// as JoinFields says, of two words on
	// opt-out the later one counts, or the stop (and then ends the winner's live
	// runs), and of two windows the one with the later LastInbound is taken whole, with the later
	// UsedAt. Histories are put together by time. The loser's queue is appended to
	// the winner's; its delivery that was out becomes stale and is cut anew.
	// Dead letters become the winner's (their ids may change). A waiting rearm of
	// the loser is forgotten. Its runs and attempts keep their ids: Run reads
	// them, FinishStep finishes one in sending, and a receipt settled to the
	// winner still settles them; what that says of the lead (history, window,
	// opt-out) it says of the winner, whose queue its happenings join.
	Resolve(ctx context.Context, tenant TenantID, who Identity, create bool, now time.Time) (LeadID, error)

	// Lead returns the lead with its windows, or ErrNotFound if it is not the tenant's.
	Lead(ctx context.Context, tenant TenantID, id LeadID) (Lead, error)

	// Leads lists the tenant's leads with their windows, newest first (then by
	// id, descending), and how many match. A search by name looks at no more than
	// the ScanLimit newest leads, one by status alone at all. A phone finds the lead by any
	// phone that resolves to it. Limit 0 gives only the number. While others come and
	// go, nobody who stays is left out of a page of a search, or in it twice.
	Leads(ctx context.Context, tenant TenantID, f LeadFilter) ([]Lead, int, error)

	// PutLead writes the record of an existing lead if its revision is still
	// Lead.Revision, else returns ErrConflict. Windows are not written, but
	// for WindowFrom: each stays open to who opened it, whomever the record names now. If StatusChanged, in the same atomic step: every live run
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
	// of that of the leads merged into it and of the ContactLead of each of its
	// identities. Live runs are counted as ended Erased. Afterwards Lead, Run and EraseLead find
	// nothing, Settle and PutLead return ErrLeadMoved, and whatever is out for
	// the lead (a step, a delivery) is stale.
	EraseLead(ctx context.Context, tenant TenantID, id LeadID, now time.Time) error
}

// PointerAge is how long a stand-in points to the lead its contact became, by real
// time: far longer than anybody takes between looking for a lead and settling.
const PointerAge = time.Hour

// ScanLimit bounds how many leads a search by name looks at.
const ScanLimit = 10_000

// LeadFilter selects leads. Phone (digits) is exact but for its spelling; Name is a
// case-insensitive part.
type LeadFilter struct {
	Limit, Offset int
	Phone         string
	Name          string
	StatusID      string
	// Now is domain time: whoever looks for a phone finishes a merge that he meets half done.
	Now time.Time
}

// ResumeMargin is how much older than the second of a resume by PutLead a stop may
// be that counts all the same: WhatsApp tells whole seconds, by a clock of its own.
const ResumeMargin = 2 * time.Second

// PutLead is one write of a lead's record.
type PutLead struct {
	Lead          Lead
	StatusChanged bool
	Arm           *Arm
	// WindowFrom opens the window of Lead.Channel from this instant (cut-over);
	// zero: leave it. It never moves a window back; one in the future counts as Now.
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
