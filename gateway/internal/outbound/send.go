package outbound

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"

	"wagate/followup"
	"wagate/followup/poll"
	"wagate/followup/sometimes"
	"wagate/providers"
)

// Provider sends the messages of one channel. Its errors are *providers.Error.
type Provider interface {
	Send(ctx context.Context, m providers.Message) (providers.Sent, error)
}

// Line is a channel with what it takes to send on it.
type Line struct {
	followup.Channel
	Provider Provider
	// PerSecond and Burst pace the channel, over all replicas. 0: no pacing.
	PerSecond float64
	Burst     int
}

// Store is what sending needs of followup.Store.
type Store interface {
	Pace(ctx context.Context, c followup.ChannelID, perSecond float64, burst int, longest time.Duration, real time.Time) (time.Duration, error)
	LinkMessage(ctx context.Context, tenant followup.TenantID, ref followup.MessageRef) ([]followup.Parked, error)
	Resolve(ctx context.Context, t followup.TenantID, who followup.Identity, create bool, now time.Time) (followup.LeadID, error)
	Settle(ctx context.Context, s followup.Settlement) (followup.Settled, error)
}

// Params says what a Service works with. All but CallTimeout, Tries, MaxWait
// and Told is required.
type Params struct {
	Store Store
	Lines []Line
	// Now is domain time, Real real time.
	Now, Real func() time.Time
	// CallTimeout bounds one provider call; default 20 s.
	CallTimeout time.Duration
	// Tries bounds the provider calls of one Send; default 3.
	Tries int
	// MaxWait is the longest that Send waits for pacing or before a retry; what would take
	// longer is handed back as throttled. Steps wait for pacing a third of it at a time. It is
	// also for how long a yes of the guard holds. Default 15 s.
	MaxWait time.Duration
	// Told is called when there is something to be told to an assistant: a receipt
	// that came before the answer settled a step. It must not block. Default: nobody
	// is.
	Told     func()
	Steps    *followup.Metrics
	Registry prometheus.Registerer
	Logger   *slog.Logger
}

// Service sends, for assistants by Send, for steps by what ForSteps returns.
type Service struct {
	p        Params
	log      *slog.Logger
	metrics  *metrics
	lines    map[followup.ChannelID]Line
	breakers map[followup.ChannelID]*gobreaker.TwoStepCircuitBreaker[struct{}]
	// complaints limits how often the log repeats each one.
	complaints sometimes.Limiter[complaint]
	// failures are how each channel's provider last failed, for the log.
	failures sync.Map
}

// The defaults of Params.
const (
	defaultCallTimeout = 20 * time.Second
	defaultTries       = 3
	defaultMaxWait     = 15 * time.Second
)

// New returns a Service.
func New(p Params) *Service {
	if p.CallTimeout <= 0 {
		p.CallTimeout = defaultCallTimeout
	}
	if p.Tries <= 0 {
		p.Tries = defaultTries
	}
	if p.MaxWait <= 0 {
		p.MaxWait = defaultMaxWait
	}
	if p.Told == nil {
		p.Told = func() {}
	}
	s := &Service{
		complaints: sometimes.Limiter[complaint]{Interval: complainEvery},
		p:          p, log: p.Logger.With("component", "outbound"), metrics: newMetrics(p.Registry),
		lines:    map[followup.ChannelID]Line{},
		breakers: map[followup.ChannelID]*gobreaker.TwoStepCircuitBreaker[struct{}]{},
	}
	for _, l := range p.Lines {
		s.lines[l.ID] = l
		s.breakers[l.ID] = s.breaker(l.ID)
	}
	return s
}

// breaker opens after a row of failures that say nothing about the message:
// while it is open, nothing is even asked of the guard.
func (s *Service) breaker(c followup.ChannelID) *gobreaker.TwoStepCircuitBreaker[struct{}] {
	return gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: string(c), MaxRequests: breakerTrials, Timeout: breakerPause,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= breakerTrips },
		IsExcluded:  func(err error) bool { return errors.Is(err, errNotCalled) },
		OnStateChange: func(channel string, _, to gobreaker.State) {
			log := s.log
			if e, ok := s.failures.Load(followup.ChannelID(channel)); ok && to == gobreaker.StateOpen {
				log = log.With("last", e)
			}
			log.Warn("provider breaker", "channel", channel, "state", to.String())
		},
	})
}

const (
	breakerTrips  = 10
	breakerPause  = 10 * time.Second
	breakerTrials = 1 // calls at once after the pause
)

// errNotCalled tells the breaker that the provider was not asked after all.
var errNotCalled = errors.New("outbound: not called")

// open reports whether the breaker would let nobody through now: it is open, or
// somebody is making the trial. It is asked before pacing, so that what cannot
// be sent takes nobody's slot; Allow still decides right before the call.
func open(b *gobreaker.TwoStepCircuitBreaker[struct{}]) bool {
	switch b.State() {
	case gobreaker.StateOpen:
		return true
	case gobreaker.StateHalfOpen:
		c := b.Counts()
		return c.Requests >= breakerTrials+c.TotalExclusions
	case gobreaker.StateClosed:
	}
	return false
}

// resting is the result while the breaker lets nothing through.
func resting(cause error) *providers.Error {
	return &providers.Error{Kind: providers.Transient, Retryable: true, RetryAfter: breakerPause, Cause: cause}
}

// Send sends what an assistant has to say, as a followup.Sender does.
func (s *Service) Send(
	ctx context.Context, channel followup.ChannelID, m providers.Message, guard followup.Guard,
) (followup.SendResult, error) {
	return s.send(ctx, channel, m, guard, s.p.MaxWait)
}

// stepsShare is how much shorter the queue is that a step joins than the one that an
// assistant's message does. Steps ask again and again, and whoever finds the queue full
// is turned away: there is always room behind all of them.
const stepsShare = 3

// steps sends steps.
type steps struct{ s *Service }

// ForSteps returns who sends steps: on a channel where much waits, assistants go first.
func (s *Service) ForSteps() followup.Sender { return steps{s} }

// Send implements followup.Sender.
func (f steps) Send(
	ctx context.Context, channel followup.ChannelID, m providers.Message, guard followup.Guard,
) (followup.SendResult, error) {
	return f.s.send(ctx, channel, m, guard, f.s.p.MaxWait/stepsShare)
}

// send sends what waits for its channel's pacing no longer than that.
func (s *Service) send(
	ctx context.Context, channel followup.ChannelID, m providers.Message, guard followup.Guard, longest time.Duration,
) (followup.SendResult, error) {
	line, ok := s.lines[channel]
	if !ok {
		return followup.SendResult{Err: &providers.Error{Kind: providers.Operator}}, nil
	}
	own := m.Opaque // the caller's; ours travels in its place
	pauses := backoff.NewExponentialBackOff()
	var result followup.SendResult
	for try := 1; ; try++ {
		if open(s.breakers[channel]) {
			result.Err = resting(gobreaker.ErrOpenState)
			return result, nil
		}
		wait, err := s.p.Store.Pace(ctx, channel, line.PerSecond, line.Burst, longest, s.p.Real())
		if err != nil {
			return result, err
		}
		if wait > longest {
			result.Paced = result.Err == nil // else the provider had something to say
			result.Err = &providers.Error{Kind: providers.Throttled, Retryable: true, RetryAfter: wait}
			return result, nil
		}
		if err := poll.Sleep(ctx, wait); err != nil {
			return result, err
		}
		done, err := s.breakers[channel].Allow()
		if err != nil {
			result.Err = resting(err) // it has opened while this one waited its turn
			return result, nil
		}
		no, err := s.try(ctx, line, m, guard, &result, done)
		if err != nil || no != followup.Allowed {
			return followup.SendResult{Refusal: no}, err
		}
		if result.Err == nil {
			s.linked(ctx, line, result, m.To, own)
			return result, nil
		}
		pause := max(pauses.NextBackOff(), result.Err.RetryAfter)
		if !result.Err.Retryable || try >= s.p.Tries || pause > s.p.MaxWait {
			return result, nil
		}
		if poll.Sleep(ctx, pause) != nil {
			return result, nil // it has not been sent, and says so
		}
	}
}

// errPanicked tells the breaker that nobody knows how the call ended.
var errPanicked = errors.New("outbound: call panicked")

// try asks the guard and, with its leave, the provider. The breaker is told what that
// says about the provider also if one of them panics, which the caller may outlive: it
// would wait for the end of its trial for good.
func (s *Service) try(
	ctx context.Context, line Line, m providers.Message, guard followup.Guard, result *followup.SendResult, done func(error),
) (followup.Refusal, error) {
	says := errNotCalled
	defer func() { done(says) }()
	verdict, err := s.leave(ctx, guard, result.Attempt)
	if err != nil || verdict.Refusal != followup.Allowed {
		return verdict.Refusal, err
	}
	says = errPanicked
	result.Attempt, m.Opaque = verdict.Attempt, verdict.Opaque
	result.Sent, result.Err = s.call(ctx, line, m)
	if says = healthy(result.Err); says != nil {
		s.failures.Store(line.ID, why(result.Err))
	}
	return followup.Allowed, nil
}

// leave asks the guard for leave to send. Its yes may be long on the way (a master dies, a
// replica has to be waited for) or this process stand still meanwhile: when the window has
// closed since, or the yes is so old that the step's lease may not outlast the call, it is
// asked again. Whoever took the step over has recorded how it ended then.
func (s *Service) leave(ctx context.Context, guard followup.Guard, previous followup.AttemptID) (followup.Verdict, error) {
	for {
		asked := s.p.Real()
		v, err := guard(ctx, previous)
		closed := !v.Closes.IsZero() && !s.p.Now().Before(v.Closes)
		if err != nil || v.Refusal != followup.Allowed || !closed && s.p.Real().Sub(asked) <= s.p.MaxWait {
			return v, err
		}
		previous = v.Attempt
	}
}

// healthy returns nil unless the failure is one of the provider itself.
func healthy(e *providers.Error) error {
	if e == nil || (e.Kind != providers.Transient && e.Status < 500) {
		return nil
	}
	return e
}

func (s *Service) call(ctx context.Context, line Line, m providers.Message) (providers.Sent, *providers.Error) {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.p.CallTimeout)
	defer cancel()
	began := s.p.Real()
	sent, err := line.Provider.Send(call, m)
	var e *providers.Error
	if err != nil {
		e = providers.AsError(err)
	}
	s.metrics.sent(line.Channel.Provider, m.Type, e, s.p.Real().Sub(began))
	if e != nil {
		s.Complain(line.ID, e)
	}
	return sent, e
}

// linked makes the message found by its id, and settles what was parked for it
// and whom the provider says that it went to.
func (s *Service) linked(ctx context.Context, line Line, r followup.SendResult, to providers.Contact, opaque string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), linkWithin)
	defer cancel()
	ref := followup.MessageRef{
		Attempt: r.Attempt, SenderID: r.Sent.ID, ProviderID: providerID(line.Channel.Provider, r.Sent.ID), Opaque: opaque,
	}
	parked, err := backoff.Retry(ctx, func() ([]followup.Parked, error) {
		parked, err := s.p.Store.LinkMessage(ctx, line.Tenant, ref)
		if errors.Is(err, followup.ErrNewer) {
			err = backoff.Permanent(err) // it stays so; a newer replica has heard of the message before us
		}
		return parked, err
	}, backoff.WithMaxElapsedTime(linkWithin))
	if err != nil {
		s.log.Error("message id not linked, its receipts will not be matched", "channel", line.ID, "err", err)
		return
	}
	// On their own: the link stands, whatever becomes of them.
	_, err = backoff.Retry(ctx, func() (struct{}, error) {
		return struct{}{}, s.settle(ctx, line, r.Attempt, heard(r.Sent.Contact, to), parked)
	}, backoff.WithMaxElapsedTime(linkWithin))
	if err != nil {
		s.log.Error("what came with the answer or before it not settled", "channel", line.ID, "receipts", len(parked), "err", err)
	}
}

// heard returns what an answer tells of the recipient beyond what it was asked with.
func heard(answered, asked providers.Contact) providers.Contact {
	if answered.Phone == asked.Phone {
		answered.Phone = ""
	}
	if answered.UserID == asked.UserID {
		answered.UserID = ""
	}
	return answered
}

const linkWithin = 10 * time.Second

// providerID is WhatsApp's own id of a message just sent, as far as the answer
// tells: Gupshup's is its own, and receipts bring the other.
func providerID(p providers.Name, id string) string {
	if p == providers.Meta {
		return id
	}
	return ""
}

// settle links whom the provider calls the lead and settles the receipts, to the
// lead that the one sent to is by then.
func (s *Service) settle(
	ctx context.Context, line Line, a followup.AttemptID, who providers.Contact, parked []followup.Parked,
) error {
	if who.IsZero() && len(parked) == 0 {
		return nil
	}
	lead, err := s.p.Store.Resolve(ctx, line.Tenant,
		followup.Identity{Lead: a.Lead(), Phone: who.Phone, UserID: who.UserID}, false, s.p.Now())
	if errors.Is(err, followup.ErrNotFound) {
		return nil // erased
	}
	if err != nil {
		return err
	}
	st := followup.Settlement{Tenant: line.Tenant, Lead: lead, Contact: who, Now: s.p.Now(), Real: s.p.Real()}
	for _, p := range parked {
		p.Receipt.Attempt = a
		// No dedup: the receipt was relayed when it came, this is its effect alone,
		// which its rank lets happen once.
		st.Items = append(st.Items, followup.Item{
			Channel: line.ID, Assistant: line.Assistant, At: p.At, Receipt: &p.Receipt,
		})
	}
	settled, err := s.p.Store.Settle(ctx, st)
	s.p.Steps.Ended(settled.Ended)
	if len(settled.Ended)+len(settled.Corrections) > 0 {
		s.p.Told()
	}
	return err // also that the lead has moved: the next try finds where
}
