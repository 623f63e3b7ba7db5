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

// Store is the part of followup.Store that the runner uses.
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

// Params configures a Runner. Everything except Told and the bounds is required.
type Params struct {
	Store     Store
	Sender    followup.Sender
	Writer    followup.Writer
	Templates followup.Templates
	Directory *followup.Directory
	// Told is called when an assistant has something to be told, such as the outcome of a step or
	// the schedule of the next one. It must not block. Default: no call.
	Told func()

	// Now returns domain time and Real returns real time. Speed is the number of domain seconds per
	// real second.
	Now   func() time.Time
	Real  func() time.Time
	Speed float64

	// MaxLateness is how late a due step may be and still be sent; beyond it the step is skipped.
	MaxLateness time.Duration
	// Workers bounds the steps in hand at once. Default 256.
	Workers int
	// PerTenant bounds the steps in hand of one tenant, so that a tenant whose provider hangs
	// leaves workers to the others. Default an eighth of Workers, at least 1.
	PerTenant int
	// Writing bounds the steps that wait for the model without a worker, in addition to the steps
	// in hand, so that a slow or hanging model holds up no step that needs none. One tenant may
	// have a share of them in the proportion PerTenant/Workers. The same number of steps may wait
	// for pacing without a worker, so that full channels hold up no other tenant. Default four
	// times Workers.
	Writing int
	// ClaimLease must be longer than writing a text and waiting for pacing take. Default 3 min.
	ClaimLease time.Duration
	// SendLease must be longer than one provider call and the wait for the next. Default 1 min.
	SendLease time.Duration
	// MaxTries bounds how often a step that cannot have been sent is put off. Default 5.
	MaxTries int
	// MaxLapses bounds how often in a row a step may lose its worker before anything of it can have
	// been sent, so that a step that kills its workers ends. Default 5.
	MaxLapses int
	// MaxSleep is the longest time between two claims. It is bounded because another replica may
	// have armed an earlier step. Default 1 s.
	MaxSleep time.Duration

	Steps    *followup.Metrics
	Registry prometheus.Registerer
	Logger   *slog.Logger
}

// Runner claims due steps and carries each one through to its outcome.
type Runner struct {
	p       Params
	log     *slog.Logger
	metrics *metrics
	loop    *poll.Loop
	ladders ladders

	steps sync.WaitGroup
	mu    sync.Mutex
	busy  int                       // workers with a step
	hands map[followup.TenantID]int // steps in hand by tenant, those that wait for pacing included
	// waiting counts the steps that wait for the model and have lent their worker; waits counts
	// them by tenant.
	waiting int
	waits   map[followup.TenantID]int
	// resting counts the steps that wait for pacing and have lent their worker.
	resting int
	// returning holds, by tenant and in order, the steps that have their text and wait until the
	// tenant is below PerTenant. Closing the channel hands the step a worker.
	returning map[followup.TenantID][]chan struct{}
	// unlistedChannels limits how often the log names a channel that does not belong to its run's
	// tenant.
	unlistedChannels sometimes.Limiter[followup.ChannelID]
	// claiming is true from before the poller counts the free workers until the claimed steps have
	// theirs.
	claiming atomic.Bool

	claimCtx     context.Context    //nolint:containedctx // cancelled when claiming stops
	stopClaiming context.CancelFunc // cancels claimCtx
	stepCtx      context.Context    //nolint:containedctx // context of the steps in hand, which outlive the claiming
	stopSteps    context.CancelFunc
	done         chan struct{}
}

// Defaults of Params.
const (
	defaultWorkers    = 256
	defaultClaimLease = 3 * time.Minute
	defaultSendLease  = time.Minute
	defaultMaxTries   = 5
	defaultMaxLapses  = 5
)

// New returns a Runner. Call Start to make it claim.
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
		returning:        map[followup.TenantID][]chan struct{}{},
		unlistedChannels: sometimes.Limiter[followup.ChannelID]{Interval: unlistedEvery},
		ladders:          ladders{byID: map[followup.LadderHash]followup.Ladder{}},
	}
	r.loop = poll.New(poll.Params{Name: "steps", Next: r.turn, Max: p.MaxSleep, Logger: p.Logger, Now: p.Real})
	return r
}

// Start starts claiming in the background. Call it once.
func (r *Runner) Start() {
	r.claimCtx, r.stopClaiming = context.WithCancel(context.Background())
	r.stepCtx, r.stopSteps = context.WithCancel(context.Background())
	go func() {
		defer close(r.done)
		r.loop.Run(r.claimCtx)
	}()
}

// Wake makes the runner look for due steps at once, because an earlier one may have been armed. It
// does not block.
func (r *Runner) Wake() { r.loop.Wake() }

// Alive reports whether the poller reached the store within d.
func (r *Runner) Alive(d time.Duration) bool { return r.loop.Alive(r.p.Real(), d) }

// Stop stops claiming and releases the steps that wait for a channel's pacing. The other steps in
// hand may finish until ctx is done; then those that are not sent yet are released too. Stop waits
// for all of them and always returns nil: releasing a step is a good end. On a runner that was
// never started, Stop does nothing.
func (r *Runner) Stop(ctx context.Context) error {
	if r.stopClaiming == nil {
		return nil
	}
	r.stopClaiming()
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
	r.stopSteps()
	<-idle // releasing takes a moment; recording a result may take up to finishWithin
	return nil
}
