package leads

import (
	"context"
	"math/rand/v2"
	"time"

	"wagate/followup"
)

// Planner decides which run a lead's status starts.
type Planner interface {
	// Plan returns the run to start for the lead as it is about to be written, or nil if there
	// is none. The run's ladder has been saved when Plan returns.
	Plan(ctx context.Context, lead followup.Lead) (*followup.Arm, error)
}

// Params configures a Service. Store, Planner and Directory are required.
type Params struct {
	Store     followup.LeadStore
	Planner   Planner
	Directory *followup.Directory
	// CRMSecrets holds the secrets of the tenants that have a CRM webhook. A signature with any
	// of a tenant's secrets is valid; there are several during a rotation.
	CRMSecrets map[followup.TenantID][]string
	// Now returns domain time, Real real time. The default is time.Now.
	Now  func() time.Time
	Real func() time.Time
	// Jitter shortens a wait of d at random. The default is uniform below d.
	Jitter func(d time.Duration) time.Duration
	// Armed is called after a run was started, to wake a sleeping poller. May be nil.
	Armed func()
}

// Service reads and writes leads for tenants and their CRMs. It is safe for concurrent use. Its
// methods return a *fault.Error for everything that is the caller's fault.
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
