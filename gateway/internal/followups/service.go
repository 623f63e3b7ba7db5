package followups

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wagate/followup"
	"wagate/gateway/internal/fault"
)

// Store is the part of followup.Store that a Service needs.
type Store interface {
	followup.ConfigStore
	followup.RunStore
	Lead(ctx context.Context, tenant followup.TenantID, id followup.LeadID) (followup.Lead, error)
}

// Templates is the registry of templates that warnings are based on.
type Templates interface {
	followup.Templates
	// Listed reads the channels' template lists where that is due, all at the same time, waits
	// for them briefly, and returns for which channels there is a list.
	Listed(ctx context.Context, channels []followup.ChannelID) map[followup.ChannelID]bool
}

// Params configures a Service. Store, Directory and Metrics are required.
type Params struct {
	Store     Store
	Directory *followup.Directory
	// Templates is asked about templates, for warnings. May be nil.
	Templates Templates
	Metrics   *followup.Metrics
	// Now returns domain time, Real real time. The default is time.Now.
	Now  func() time.Time
	Real func() time.Time
	// Armed is called after a run was started, to wake a sleeping poller. Told is called after
	// runs ended, because their assistants are to be told. Both may be nil.
	Armed, Told func()
}

// Service keeps configs, shows ladders, and starts, shows and cancels runs. It is safe for
// concurrent use. Its methods return a *fault.Error for everything that is the caller's fault.
type Service struct {
	store     Store
	directory *followup.Directory
	templates Templates
	metrics   *followup.Metrics
	now, real func() time.Time
	armed     func()
	told      func()
}

// New returns a Service.
func New(p Params) *Service {
	s := &Service{
		store: p.Store, directory: p.Directory, templates: p.Templates, metrics: p.Metrics,
		now: p.Now, real: p.Real, armed: p.Armed, told: p.Told,
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.real == nil {
		s.real = time.Now
	}
	if s.armed == nil {
		s.armed = func() {}
	}
	if s.told == nil {
		s.told = func() {}
	}
	return s
}

// ended counts runs that have ended, and calls Told so that their assistants are told.
func (s *Service) ended(runs []followup.Ended) {
	s.metrics.Ended(runs)
	if len(runs) > 0 {
		s.told()
	}
}

func (s *Service) tenant(id followup.TenantID) followup.Tenant {
	t, _ := s.directory.Tenant(id) // an unknown tenant owns nothing, like the zero Tenant
	return t
}

// found turns the store's "not found" into a NotFound fault, and wraps any other error. what names
// the thing that was read.
func found(err error, what string) error {
	if errors.Is(err, followup.ErrNotFound) || errors.Is(err, followup.ErrLeadMoved) {
		return fault.Missing(what)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	return nil
}
