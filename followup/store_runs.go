package followup

import (
	"context"
	"time"
)

// RunStore starts, ends and shows runs.
type RunStore interface {
	// Start starts a run by hand or by rearm. If one is started, a live run of the same assistant
	// ends Restarted. A rearm that waited for the assistant is forgotten.
	//
	// With rearm set, Start does nothing unless a rearm waits for the assistant and the business has
	// spoken since the reply. After the business spoke, the lead must not have answered on one of
	// the assistant's channels, and the window of the channel where it spoke must not have moved.
	//
	// The run is "" if none was started: the lead is opted out, the config is not active, or no
	// rearm waited.
	Start(ctx context.Context, tenant TenantID, lead LeadID, a Arm, rearm bool, now, real time.Time) (RunID, []Ended, error)

	// Cancel ends a live run with the reason ByAPI. A run that has ended is left as it is.
	// ErrNotFound if the tenant has no such run.
	Cancel(ctx context.Context, tenant TenantID, run RunID, now, real time.Time) ([]Ended, error)

	// Run returns one run, live or ended less than 30 days ago, or ErrNotFound. Its timeline has one
	// Moment for every step that ended and, for a live run, the current step last, without outcome.
	// Step, Interval and DueAt are meaningful only while the run is live.
	Run(ctx context.Context, tenant TenantID, id RunID) (Run, error)

	// Runs returns the lead's runs, newest first, or ErrNotFound if there is no such lead.
	Runs(ctx context.Context, tenant TenantID, lead LeadID) ([]Run, error)

	// SaveLadder keeps a ladder under its hash; Ladder reads it.
	SaveLadder(ctx context.Context, tenant TenantID, h LadderHash, l Ladder) error
	Ladder(ctx context.Context, tenant TenantID, h LadderHash) (Ladder, error)
}

// RunAge is how long an ended run can be read.
const RunAge = 30 * 24 * time.Hour
