package followup

import (
	"context"
	"time"
)

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
	// state, and if it went inactive its live runs have ended (ConfigOff). If that was cut
	// off, they have ended before the config is active again. With an error it returns
	// what it has ended so far.
	UpdateConfig(ctx context.Context, c Config, prev time.Time, now, real time.Time) ([]Ended, error)
	// DeleteConfig removes it; its live runs end (ConfigGone) before it returns, or, with
	// finish, after the step that is armed now. If that was cut off, deleting it again ends those
	// that are left; ErrNotFound if there are none. With an error it returns what it has ended so far.
	DeleteConfig(ctx context.Context, tenant TenantID, id ConfigID, finish bool, now, real time.Time) ([]Ended, error)
}
