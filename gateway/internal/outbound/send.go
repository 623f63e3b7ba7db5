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

// Line is a channel and what is needed to send on it.
type Line struct {
	followup.Channel
	Provider Provider
	// PerSecond and Burst pace the channel, across all replicas. If PerSecond is 0 there is no
	// pacing.
	PerSecond float64
	Burst     int
}

// Store is the part of followup.Store that a Service needs.
type Store interface {
	Pace(ctx context.Context, c followup.ChannelID, perSecond float64, burst int, longest time.Duration, real time.Time) (time.Duration, error)
	LinkMessage(ctx context.Context, tenant followup.TenantID, ref followup.MessageRef) ([]followup.Parked, error)
	Resolve(ctx context.Context, t followup.TenantID, who followup.Identity, create bool, now time.Time) (followup.LeadID, error)
	Settle(ctx context.Context, s followup.Settlement) (followup.Settled, error)
}

// Params configures a Service. All fields but CallTimeout, Tries, MaxWait and Told are required.
type Params struct {
	Store Store
	Lines []Line
	// Now returns domain time, Real real time.
	Now, Real func() time.Time
	// CallTimeout bounds one provider call. The default is 20 s.
	CallTimeout time.Duration
	// Tries bounds the provider calls of one Send. The default is 3.
	Tries int
	// MaxWait is the longest that Send waits for pacing or before a retry. A message that would
	// wait longer for pacing is handed back as throttled; one that would wait longer before a
	// retry is handed back with the provider's error. Steps wait for pacing at most a third of
	// MaxWait at a time. MaxWait also bounds the age of the guard's leave to send. The default
	// is 15 s.
	MaxWait time.Duration
	// Told is called when an assistant is to be told something, because a receipt that came
	// before the provider's answer has settled a step. It must not block. May be nil.
	Told     func()
	Steps    *followup.Metrics
	Registry prometheus.Registerer
	Logger   *slog.Logger
}

// Service sends messages: those of assistants through Send, those of steps through the Sender
// that ForSteps returns. It is safe for concurrent use.
type Service struct {
	p          Params
	log        *slog.Logger
	metrics    *metrics
	lines      map[followup.ChannelID]Line
	breakers   map[followup.ChannelID]*gobreaker.TwoStepCircuitBreaker[struct{}]
	complaints sometimes.Limiter[complaint] // limits how often the log repeats each complaint
	// failures maps each channel's id to how its provider last failed, a string for the log.
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

// breaker returns a channel's breaker. It opens after breakerTrips failures in a row that are the
// provider's own and say nothing about the message. While it is open, not even the guard is asked.
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
	breakerTrials = 1 // concurrent calls after the pause
)

// errNotCalled tells the breaker that the provider was not called after all.
var errNotCalled = errors.New("outbound: not called")

// open reports whether the breaker would let no call through now: it is open, or it is half-open
// and the trial call is under way. Send asks it before pacing, so that a message that cannot be
// sent takes no slot. Allow still decides right before the call.
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

// breakerError returns the error for a message that the breaker does not let through.
func breakerError(cause error) *providers.Error {
	return &providers.Error{Kind: providers.Transient, Retryable: true, RetryAfter: breakerPause, Cause: cause}
}

// Send sends an assistant's message. It has the contract of followup.Sender.
func (s *Service) Send(
	ctx context.Context, channel followup.ChannelID, m providers.Message, guard followup.Guard,
) (followup.SendResult, error) {
	return s.send(ctx, channel, m, guard, s.p.MaxWait)
}

// stepsShare is the factor by which the longest pacing wait of a step is shorter than that of an
// assistant's message. A step that would wait longer is turned away and asks again later, so there
// is always room for assistants' messages behind all the steps that wait.
const stepsShare = 3

// steps is the Sender for steps.
type steps struct{ s *Service }

// ForSteps returns the Sender for follow-up steps. On a channel where many messages wait,
// assistants' messages take precedence over steps.
func (s *Service) ForSteps() followup.Sender { return steps{s} }

// Send implements followup.Sender.
func (f steps) Send(
	ctx context.Context, channel followup.ChannelID, m providers.Message, guard followup.Guard,
) (followup.SendResult, error) {
	return f.s.send(ctx, channel, m, guard, f.s.p.MaxWait/stepsShare)
}

// send sends a message, unless it would have to wait for its channel's pacing for more than
// longest.
func (s *Service) send(
	ctx context.Context, channel followup.ChannelID, m providers.Message, guard followup.Guard, longest time.Duration,
) (followup.SendResult, error) {
	line, ok := s.lines[channel]
	if !ok {
		return followup.SendResult{Err: &providers.Error{Kind: providers.Operator}}, nil
	}
	own := m.Opaque // the caller's; the attempt's opaque value travels in its place
	pauses := backoff.NewExponentialBackOff()
	var result followup.SendResult
	for try := 1; ; try++ {
		if open(s.breakers[channel]) {
			result.Err = breakerError(gobreaker.ErrOpenState)
			return result, nil
		}
		wait, err := s.p.Store.Pace(ctx, channel, line.PerSecond, line.Burst, longest, s.p.Real())
		if err != nil {
			return result, err
		}
		if wait > longest {
			result.Paced = result.Err == nil // otherwise the provider has failed before
			result.Err = &providers.Error{Kind: providers.Throttled, Retryable: true, RetryAfter: wait}
			return result, nil
		}
		if err := poll.Sleep(ctx, wait); err != nil {
			return result, err
		}
		done, err := s.breakers[channel].Allow()
		if err != nil {
			result.Err = breakerError(err) // the breaker opened while this message waited for its slot
			return result, nil
		}
		no, err := s.try(ctx, line, m, guard, &result, done)
		if err != nil || no != followup.Allowed {
			return followup.SendResult{Refusal: no}, err
		}
		if result.Err == nil {
			s.link(ctx, line, result, m.To, own)
			return result, nil
		}
		pause := max(pauses.NextBackOff(), result.Err.RetryAfter)
		if !result.Err.Retryable || try >= s.p.Tries || pause > s.p.MaxWait {
			return result, nil
		}
		if poll.Sleep(ctx, pause) != nil {
			return result, nil // result.Err is retryable: nothing has been sent
		}
	}
}

// errPanicked tells the breaker that it is not known how the call ended.
var errPanicked = errors.New("outbound: call panicked")

// try asks the guard and, if the guard allows it, calls the provider. done tells the breaker what
// the call says about the provider, or that there was no call. It is called even if guard or
// provider panics, because the caller may recover, and the breaker would otherwise wait forever
// for the end of its trial call.
func (s *Service) try(
	ctx context.Context, line Line, m providers.Message, guard followup.Guard, result *followup.SendResult, done func(error),
) (followup.Refusal, error) {
	says := errNotCalled
	defer func() { done(says) }()
	verdict, err := s.askGuard(ctx, guard, result.Attempt)
	if err != nil || verdict.Refusal != followup.Allowed {
		return verdict.Refusal, err
	}
	says = errPanicked
	result.Attempt, m.Opaque = verdict.Attempt, verdict.Opaque
	result.Sent, result.Err = s.call(ctx, line, m)
	if says = healthy(result.Err); says != nil {
		s.failures.Store(line.ID, logText(result.Err))
	}
	return followup.Allowed, nil
}

// askGuard asks the guard for leave to send. The guard's answer may take long to arrive (a master
// dies, a replica has to be waited for), and this process may stand still meanwhile. If the guard
// allowed the message but the window has closed since, or the answer is so old that the step's
// lease may not outlast the call, askGuard asks again. If another worker has taken the step over by
// then, the guard refuses, and that worker has recorded how the step ended.
func (s *Service) askGuard(ctx context.Context, guard followup.Guard, previous followup.AttemptID) (followup.Verdict, error) {
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

// healthy returns nil unless the failure is one of the provider itself rather than of the message.
func healthy(e *providers.Error) error {
	if e == nil || (e.Kind != providers.Transient && e.Status < 500) {
		return nil
	}
	return e
}

// call calls the provider, which may take CallTimeout even if ctx ends meanwhile, and counts the
// result.
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

// link links the message's ids, so that it is found by each of them. It then settles the
// receipts that were parked for the message, and the identity under which the provider knows the
// recipient. It retries both, and only logs a failure: the message has been sent.
func (s *Service) link(ctx context.Context, line Line, r followup.SendResult, to providers.Contact, opaque string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), linkWithin)
	defer cancel()
	ref := followup.MessageRef{
		Attempt: r.Attempt, SenderID: r.Sent.ID, ProviderID: providerID(line.Channel.Provider, r.Sent.ID), Opaque: opaque,
	}
	parked, err := backoff.Retry(ctx, func() ([]followup.Parked, error) {
		parked, err := s.p.Store.LinkMessage(ctx, line.Tenant, ref)
		if errors.Is(err, followup.ErrNewer) {
			err = backoff.Permanent(err) // trying again would not help: a newer replica has stored this message's link
		}
		return parked, err
	}, backoff.WithMaxElapsedTime(linkWithin))
	if err != nil {
		s.log.Error("message id not linked, its receipts will not be matched", "channel", line.ID, "err", err)
		return
	}
	// Retried apart from the link, which stands whether or not this succeeds.
	_, err = backoff.Retry(ctx, func() (struct{}, error) {
		return struct{}{}, s.settle(ctx, line, r.Attempt, learned(r.Sent.Contact, to), parked)
	}, backoff.WithMaxElapsedTime(linkWithin))
	if err != nil {
		s.log.Error("contact or early receipts of a sent message not settled", "channel", line.ID, "receipts", len(parked), "err", err)
	}
}

// learned returns the parts of the recipient's identity in the answer that the request did not have.
func learned(answered, asked providers.Contact) providers.Contact {
	if answered.Phone == asked.Phone {
		answered.Phone = ""
	}
	if answered.UserID == asked.UserID {
		answered.UserID = ""
	}
	return answered
}

// linkWithin bounds each of the steps that record the result of a send, with their retries.
const linkWithin = 10 * time.Second

// providerID returns WhatsApp's own id of a message just sent, or "" if the answer does not have
// it: Gupshup answers with an id of its own, and WhatsApp's comes with the receipts.
func providerID(p providers.Name, id string) string {
	if p == providers.Meta {
		return id
	}
	return ""
}

// settle links the contact that the provider named to the lead and settles the parked receipts.
// The lead is the one that the message was sent to, or the one it has been merged into since.
func (s *Service) settle(
	ctx context.Context, line Line, a followup.AttemptID, who providers.Contact, parked []followup.Parked,
) error {
	if who.IsZero() && len(parked) == 0 {
		return nil
	}
	lead, err := s.p.Store.Resolve(ctx, line.Tenant,
		followup.Identity{Lead: a.Lead(), Phone: who.Phone, UserID: who.UserID}, false, s.p.Now())
	if errors.Is(err, followup.ErrNotFound) {
		return nil // the lead was erased
	}
	if err != nil {
		return err
	}
	st := followup.Settlement{Tenant: line.Tenant, Lead: lead, Contact: who, Now: s.p.Now(), Real: s.p.Real()}
	for _, p := range parked {
		p.Receipt.Attempt = a
		// No dedup id: the receipt was relayed when it arrived. This applies only its effect, and
		// the receipt's rank ensures that the effect happens once.
		st.Items = append(st.Items, followup.Item{
			Channel: line.ID, Assistant: line.Assistant, At: p.At, Receipt: &p.Receipt,
		})
	}
	settled, err := s.p.Store.Settle(ctx, st)
	s.p.Steps.Ended(settled.Ended)
	if len(settled.Ended)+len(settled.Corrections) > 0 {
		s.p.Told()
	}
	return err // may be ErrLeadMoved: the next try finds where the lead has moved
}
