package followups

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wagate/followup"
	"wagate/gateway/internal/fault"
)

// Store is what the service needs of the store.
type Store interface {
	followup.ConfigStore
	followup.RunStore
	Lead(ctx context.Context, tenant followup.TenantID, id followup.LeadID) (followup.Lead, error)
}

// Templates is what the service asks of the registry of templates, for warnings.
type Templates interface {
	followup.Templates
	// Listed has the channels' templates listed where that is due, all at the same
	// time, waits for that briefly, and returns of which channels there is a list.
	Listed(ctx context.Context, channels []followup.ChannelID) map[followup.ChannelID]bool
}

// Params is what a Service is made of.
type Params struct {
	Store     Store
	Directory *followup.Directory
	// Templates tells about templates for warnings. May be nil.
	Templates Templates
	Metrics   *followup.Metrics
	// Now is domain time, Real real time. Default: time.Now.
	Now  func() time.Time
	Real func() time.Time
	// Armed is called after a run was started, so that a sleeping poller looks
	// again, and Told after runs ended otherwise: there is something to be told to
	// their assistants. May be nil.
	Armed, Told func()
}

// Service keeps configs, shows ladders, and starts, shows and cancels runs. It
// is safe for concurrent use.
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

// ended takes in that runs ended: that is counted, and their assistants are told.
func (s *Service) ended(runs []followup.Ended) {
	s.metrics.Ended(runs)
	if len(runs) > 0 {
		s.told()
	}
}

func (s *Service) tenant(id followup.TenantID) followup.Tenant {
	t, _ := s.directory.Tenant(id) // an unknown tenant owns nothing, like an empty one
	return t
}

// found turns the store's "not found" into the API's.
func found(err error, what string) error {
	if errors.Is(err, followup.ErrNotFound) || errors.Is(err, followup.ErrLeadMoved) {
		return fault.Missing(what)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	return nil
}
