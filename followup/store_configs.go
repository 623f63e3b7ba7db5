package followup

import (
	"context"
	"time"
)

// ConfigStore keeps follow-up configurations.
type ConfigStore interface {
	// CreateConfig stores a config. It returns ErrExists if the assistant already has one.
	CreateConfig(ctx context.Context, c Config) error
	// Config and ConfigByAssistant return ErrNotFound if the tenant has no such config.
	Config(ctx context.Context, tenant TenantID, id ConfigID) (Config, error)
	ConfigByAssistant(ctx context.Context, tenant TenantID, a AssistantID) (Config, error)
	// Configs lists the tenant's configs, oldest first, then by id.
	Configs(ctx context.Context, tenant TenantID) ([]Config, error)
	// UpdateConfig replaces the config if its UpdatedAt is still prev, else it returns ErrConflict.
	// Before it returns, the guard of every partition knows the new state; and if the config became
	// inactive, its live runs have ended (ConfigOff). If the call was cut off before it had ended
	// them all, the rest end before the config can be active again. With an error it returns the
	// runs that it has ended so far.
	UpdateConfig(ctx context.Context, c Config, prev time.Time, now, real time.Time) ([]Ended, error)
	// DeleteConfig removes the config. Its live runs end (ConfigGone) before it returns, or, with
	// finish, after the step that is currently armed. If the call was cut off, deleting the config
	// again ends the remaining runs; ErrNotFound if none remain. With an error it returns the runs
	// that it has ended so far.
	DeleteConfig(ctx context.Context, tenant TenantID, id ConfigID, finish bool, now, real time.Time) ([]Ended, error)
}
