package followup

import (
	"context"
	"time"
)

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
	// Ping returns why nothing can be kept just now: the store cannot be reached, or
	// takes nothing that is written.
	Ping(ctx context.Context) error
}

// Stats is the state of the whole store.
type Stats struct {
	WindowsOpen  int
	StepsPending int           // armed and claimed
	StepsOverdue time.Duration // age of the oldest step that is due and not claimed; domain time
	RelayPending int           // conversations with events waiting
	RelayBacklog int           // events waiting for the assistant for whom most do, those in dead letters counted
	// RelayBacklogDead are those of RelayBacklog that lie in dead letters.
	RelayBacklogDead int
	RelayLag         time.Duration // age of the oldest event that no assistant took yet, also while it waits for a retry; real time
	RelayDead        int
}
