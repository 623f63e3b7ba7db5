package followup

import (
	"context"
	"time"
)

// RunStore starts, ends and shows runs.
type RunStore interface {
	// Start starts a run by hand or by rearm. A live run of the same assistant
	// ends Restarted, if one is started. A rearm that waited for the assistant is
	// forgotten. With Rearm set it does nothing unless a rearm is waiting for the
	// assistant for which the business has spoken, and the lead not answered on one of the
	// assistant's channels since, nor the window of the channel where it spoke moved. Result ""
	// if no run was started: the lead is opted out, the config is not active, or nothing waited.
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
