package leads

import (
	"context"
	"math/rand/v2"
	"time"

	"wagate/followup"
)

// Planner tells which run a lead's status starts.
type Planner interface {
	// Plan returns the run to start for the lead as it is about to be written,
	// nil if none. Its ladder is saved when Plan returns.
	Plan(ctx context.Context, lead followup.Lead) (*followup.Arm, error)
}

// Params is what a Service is made of.
type Params struct {
	Store     followup.LeadStore
	Planner   Planner
	Directory *followup.Directory
	// CRMSecrets holds the secrets of the tenants that have a CRM webhook: any of
	// a tenant's signs, several while rotating.
	CRMSecrets map[followup.TenantID][]string
	// Now is domain time, Real real time. Default: time.Now.
	Now  func() time.Time
	Real func() time.Time
	// Jitter shortens a wait at random. Default: uniform below d.
	Jitter func(d time.Duration) time.Duration
	// Armed is called after a run was started, so that a sleeping poller looks
	// again. May be nil.
	Armed func()
}

// Service reads and writes leads for tenants and their CRMs. It is safe for
// concurrent use.
type Service struct {
	store      followup.LeadStore
	planner    Planner
	directory  *followup.Directory
	crmSecrets map[followup.TenantID][]string
	now, real  func() time.Time
	jitter     func(time.Duration) time.Duration
	armed      func()
	queue      *queue
}

// New returns a Service.
func New(p Params) *Service {
	s := &Service{
		store: p.Store, planner: p.Planner, directory: p.Directory,
		crmSecrets: p.CRMSecrets, now: p.Now, real: p.Real, jitter: p.Jitter, armed: p.Armed,
		queue: newQueue(),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.real == nil {
		s.real = time.Now
	}
	if s.jitter == nil {
		s.jitter = func(d time.Duration) time.Duration { return rand.N(d) } //nolint:gosec // spreads retries, protects nothing
	}
	if s.armed == nil {
		s.armed = func() {}
	}
	return s
}
