package runner

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wagate/followup"
	"wagate/followup/poll"
	"wagate/followup/sometimes"
)

// Store is what the runner needs of followup.Store.
type Store interface {
	Claim(ctx context.Context, c followup.ClaimParams) (followup.Batch, error)
	GuardStep(ctx context.Context, g followup.GuardStep) (followup.Verdict, error)
	FinishStep(ctx context.Context, f followup.FinishStep) (followup.Finished, error)
	ExtendStep(ctx context.Context, run followup.RunID, token string, real time.Time, lease time.Duration) error
	ReleaseStep(ctx context.Context, r followup.ReleaseStep) error
	RecordSend(ctx context.Context, r followup.RecordSend) error
	Run(ctx context.Context, tenant followup.TenantID, id followup.RunID) (followup.Run, error)
	Lead(ctx context.Context, tenant followup.TenantID, id followup.LeadID) (followup.Lead, error)
	Ladder(ctx context.Context, tenant followup.TenantID, h followup.LadderHash) (followup.Ladder, error)
	History(ctx context.Context, lead followup.LeadID, c followup.ChannelID, now time.Time) ([]followup.Entry, error)
}

// Params says what a runner works with. All but Told and the bounds is required.
type Params struct {
	Store     Store
	Sender    followup.Sender
	Writer    followup.Writer
	Templates followup.Templates
	Directory *followup.Directory
	// Told is called when there is something to be told to an assistant: how a step
	// ended, that the next is scheduled. It must not block. Default: nobody is.
	Told func()

	// Now is domain time, Real is real time, Speed how many domain seconds pass
	// in a real one.
	Now   func() time.Time
	Real  func() time.Time
	Speed float64

	// MaxLateness is from when on a due step is skipped.
	MaxLateness time.Duration
	// Workers bounds the steps in hand at once; default 256.
	Workers int
	// PerTenant bounds those of one tenant, so that one whose provider hangs
	// leaves workers to the others; default an eighth of Workers, at least 1.
	PerTenant int
	// Writing bounds the steps that wait for the model, beside those in hand, so that a
	// model that is slow or hangs holds up no step that needs none; of one tenant
	// there are in proportion no more. As many may wait for pacing, so that channels that are
	// full hold up no other tenant. Default four times Workers.
	Writing int
	// ClaimLease must outlast the writing of a text and the wait for pacing; default 3 min.
	ClaimLease time.Duration
	// SendLease must outlast one provider call and the wait for the next; default 1 min.
	SendLease time.Duration
	// MaxTries bounds how often a step that cannot have been sent is put off; default 5.
	MaxTries int
	// MaxLapses bounds how often in a row a step may lose its worker before anything of it
	// can have been sent, so that one that kills its workers ends; default 5.
	MaxLapses int
	// MaxSleep is the longest between two looks at the store, for another
	// replica may have armed an earlier step; default 1 s.
	MaxSleep time.Duration

	Steps    *followup.Metrics
	Registry prometheus.Registerer
	Logger   *slog.Logger
}

// Runner claims due steps and sees them through.
type Runner struct {
	p       Params
	log     *slog.Logger
	metrics *metrics
	loop    *poll.Loop
	ladders ladders

	steps sync.WaitGroup
	mu    sync.Mutex
	busy  int                       // workers with a step in hand
	hands map[followup.TenantID]int // of those, by tenant
	// waits are the steps that wait for the model and have no worker.
	waiting int
	waits   map[followup.TenantID]int
	// resting are the steps that wait for pacing and have no worker.
	resting int
	// backs are those that have what they waited for, and wait for a worker of their tenant.
	backs map[followup.TenantID][]chan struct{}
	// unlistedChannels limits how often the log names a channel that is not its run's tenant's.
	unlistedChannels sometimes.Limiter[followup.ChannelID]
	// claiming is set from before the poller looks who is free until what it
	// claimed is in hand.
	claiming atomic.Bool

	claims  context.Context    //nolint:containedctx // ends with the claiming
	claimed context.CancelFunc // ends the claiming
	work    context.Context    //nolint:containedctx // of the steps in hand, which outlive the claiming
	abandon context.CancelFunc
	done    chan struct{}
}

// The defaults of Params.
const (
	defaultWorkers    = 256
	defaultClaimLease = 3 * time.Minute
	defaultSendLease  = time.Minute
	defaultMaxTries   = 5
	defaultMaxLapses  = 5
)

// New returns a runner that does not run yet.
func New(p Params) *Runner {
	if p.Workers <= 0 {
		p.Workers = defaultWorkers
	}
	if p.PerTenant <= 0 {
		p.PerTenant = max(1, p.Workers/8)
	}
	if p.Writing <= 0 {
		p.Writing = 4 * p.Workers
	}
	if p.ClaimLease <= 0 {
		p.ClaimLease = defaultClaimLease
	}
	if p.SendLease <= 0 {
		p.SendLease = defaultSendLease
	}
	if p.MaxTries <= 0 {
		p.MaxTries = defaultMaxTries
	}
	if p.MaxLapses <= 0 {
		p.MaxLapses = defaultMaxLapses
	}
	if p.Speed <= 0 {
		p.Speed = 1
	}
	if p.Told == nil {
		p.Told = func() {}
	}
	r := &Runner{
		p: p, log: p.Logger.With("component", "runner"), metrics: newMetrics(p.Registry),
		done: make(chan struct{}), hands: map[followup.TenantID]int{}, waits: map[followup.TenantID]int{},
		backs:            map[followup.TenantID][]chan struct{}{},
		unlistedChannels: sometimes.Limiter[followup.ChannelID]{Interval: unlistedEvery},
		ladders:          ladders{byID: map[followup.LadderHash]followup.Ladder{}},
	}
	r.loop = poll.New(poll.Params{Name: "steps", Next: r.turn, Max: p.MaxSleep, Logger: p.Logger, Now: p.Real})
	return r
}

// Start begins to claim.
func (r *Runner) Start() {
	r.claims, r.claimed = context.WithCancel(context.Background())
	r.work, r.abandon = context.WithCancel(context.Background())
	go func() {
		defer close(r.done)
		r.loop.Run(r.claims)
	}()
}

// Wake makes the runner look for due steps now: an earlier one was armed.
func (r *Runner) Wake() { r.loop.Wake() }

// Alive reports whether the poller reached the store within d.
func (r *Runner) Alive(d time.Duration) bool { return r.loop.Alive(r.p.Real(), d) }

// Stop claims no more, gives back what waits for a channel's pacing, lets the rest of what
// is in hand finish until ctx is done, and then gives back what is not sent yet, which is a
// good end too. It does nothing to a runner never started.
func (r *Runner) Stop(ctx context.Context) error {
	if r.claimed == nil {
		return nil
	}
	r.claimed()
	<-r.done
	idle := make(chan struct{})
	go func() {
		r.steps.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-ctx.Done():
	}
	r.abandon()
	<-idle // a step is soon given back; a result may wait for the store, as long as finishWithin
	return nil
}
