package followup

import (
	"context"
	"time"
)

// ControlStore pauses and resumes sending, for operators.
type ControlStore interface {
	// Pause stops or resumes all sends of a tenant, or of one of its channels if channel is set.
	// While paused, steps that fall due are skipped (Paused) and API sends are refused. Before Pause
	// returns, the guard of every partition knows.
	Pause(ctx context.Context, tenant TenantID, channel ChannelID, paused bool) error
	// Pauses lists what is paused: channels, and "" for the tenant itself.
	Pauses(ctx context.Context, tenant TenantID) ([]ChannelID, error)
	// Stats reads the state for gauges, within the context's deadline.
	Stats(ctx context.Context, now, real time.Time) (Stats, error)
	// Ping returns nil if the store can be reached and accepts writes, else the reason why not.
	Ping(ctx context.Context) error
}

// Stats is the state of the whole store.
type Stats struct {
	WindowsOpen  int
	StepsPending int           // armed and claimed
	StepsOverdue time.Duration // age of the oldest step that is due and not claimed; domain time
	RelayPending int           // conversations with events waiting
	// RelayBacklog is the number of events that wait for the assistant with the most events waiting.
	// Events in dead letters are counted.
	RelayBacklog int
	// RelayBacklogDead is how many of RelayBacklog are in dead letters.
	RelayBacklogDead int
	// RelayLag is the age of the oldest event that its assistant has not accepted yet, including
	// events that wait for a retry; real time.
	RelayLag  time.Duration
	RelayDead int
}
