package relay

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"wagate/followup"
)

// The settings of an assistant's breaker.
const (
	breakerFailures = 10              // failures in a row that open it
	breakerPause    = 5 * time.Second // until it lets one delivery try
)

// maxClaim bounds one claim, and so the size of the store's answer.
const maxClaim = 64

// slots counts the deliveries that are out: overall, by tenant and by assistant. It also knows
// which assistants must not be tried at the moment.
type slots struct {
	log          *slog.Logger
	now          func() time.Time
	perAssistant int // bound for each assistant
	owners       map[followup.AssistantID]followup.TenantID

	mu         sync.Mutex
	free       int
	out        map[followup.TenantID]int // deliveries out, by tenant
	assistants map[followup.AssistantID]*slot
}

// slot is the state of an assistant that has deliveries out or something to remember: failures, or
// a request to wait.
type slot struct {
	busy int
	held time.Time // not to be tried before, because it asked to wait
	// wary says that the assistant asked to wait and has not answered well since. It gets one
	// delivery at a time.
	wary    bool
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
	// retryAt is when an open breaker lets a delivery through, in Unix nanoseconds. It is atomic
	// because the breaker reports state changes under its own lock, which room takes while it holds
	// mu.
	retryAt atomic.Int64
	// trouble is why the last try failed. It is atomic for the same reason.
	trouble atomic.Value
}

func newSlots(
	total, perAssistant int, owners map[followup.AssistantID]followup.TenantID, now func() time.Time, log *slog.Logger,
) *slots {
	return &slots{
		log: log, now: now, perAssistant: perAssistant, owners: owners, free: total,
		out: map[followup.TenantID]int{}, assistants: map[followup.AssistantID]*slot{},
	}
}

// room returns how much may be claimed, and for whom. again is how long until an assistant that may
// get nothing now can be tried again. If again is zero, only the end of a delivery makes room.
//
// A tenant may have as many deliveries out as slots stay free. A tenant that takes all it gets has
// half of the slots, two such tenants have a third each, and something is always left for a tenant
// that has nothing out. To keep that true when one claim serves several tenants, no claim takes
// more than half of the free slots.
func (s *slots) room() (c followup.ClaimDeliveries, again time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Limit = min((s.free+1)/2, maxClaim)
	c.Tenants = s.owners
	c.OfTenant = followup.Bound[followup.TenantID]{
		Each: max(s.free-c.Limit, 1), Left: make(map[followup.TenantID]int, len(s.out)),
	}
	for t, n := range s.out {
		c.OfTenant.Left[t] = c.OfTenant.Each - n
	}
	c.OfAssistant = followup.Bound[followup.AssistantID]{
		Each: s.perAssistant, Left: make(map[followup.AssistantID]int, len(s.assistants)),
	}
	now := s.now()
	for id, a := range s.assistants {
		state := a.breaker.State()
		if a.busy == 0 && !a.wary && state == gobreaker.StateClosed && a.breaker.Counts().ConsecutiveFailures == 0 {
			delete(s.assistants, id)
			continue
		}
		until := a.held
		if state == gobreaker.StateOpen {
			until = followup.Later(until, time.Unix(0, a.retryAt.Load()))
		}
		switch {
		case state == gobreaker.StateOpen || now.Before(until):
			c.OfAssistant.Left[id] = 0
			if wait := max(until.Sub(now), 0) + time.Millisecond; again == 0 || wait < again {
				again = wait
			}
		case state == gobreaker.StateHalfOpen || a.wary:
			c.OfAssistant.Left[id] = 1 - a.busy
		default:
			c.OfAssistant.Left[id] = s.perAssistant - a.busy
		}
	}
	return c, again
}

// take occupies a slot. If the assistant may be tried, allowed is true and result tells its breaker
// how the try went. Otherwise allowed is false and result must not be called.
func (s *slots) take(id followup.AssistantID) (result func(error), allowed bool) {
	s.mu.Lock()
	a, ok := s.assistants[id]
	if !ok {
		a = &slot{}
		a.breaker = s.newBreaker(id, a)
		s.assistants[id] = a
	}
	a.busy++
	s.free--
	s.out[s.owners[id]]++
	// The assistant may have asked to wait since the claim.
	barred := s.now().Before(a.held) || a.wary && a.busy > 1
	s.mu.Unlock()
	if barred {
		return nil, false
	}
	done, err := a.breaker.Allow()
	return func(err error) {
		if err == nil {
			s.answeredWell(a)
		}
		if u, ok := errors.AsType[unhealthy](err); ok {
			a.trouble.Store(u.reason)
		}
		done(err)
	}, err == nil
}

// give frees a slot that take occupied.
func (s *slots) give(id followup.AssistantID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.assistants[id].busy--
	s.free++
	t := s.owners[id]
	if s.out[t]--; s.out[t] == 0 {
		delete(s.out, t)
	}
}

// answeredWell records that an assistant answered well. The assistant stays wary during the wait
// that it asked for: answers to deliveries that were sent before that tell nothing.
func (s *slots) answeredWell(a *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.wary = a.wary && s.now().Before(a.held)
}

// hold leaves an assistant alone for d, as it asked. After that, one delivery at a time tries
// whether it takes more. The caller must have a delivery to the assistant out.
func (s *slots) hold(id followup.AssistantID, d time.Duration) {
	s.mu.Lock()
	a := s.assistants[id]
	before := a.wary
	a.held, a.wary = followup.Later(a.held, s.now().Add(d)), true
	s.mu.Unlock()
	if !before {
		s.log.Warn("assistant asks to wait", "assistant", id, "for", d)
	}
}

func (s *slots) newBreaker(id followup.AssistantID, a *slot) *gobreaker.TwoStepCircuitBreaker[struct{}] {
	return gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:     breakerPause,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= breakerFailures },
		IsExcluded:  func(err error) bool { return err == errStopped }, //nolint:errorlint // passed as it is
		OnStateChange: func(_ string, from, to gobreaker.State) {
			switch to {
			case gobreaker.StateOpen:
				a.retryAt.Store(s.now().Add(breakerPause).UnixNano())
				if from == gobreaker.StateClosed {
					s.log.Warn("assistant keeps failing, trying it now and then", "assistant", id, "reason", a.trouble.Load())
				}
			case gobreaker.StateClosed:
				s.log.Info("assistant is back", "assistant", id)
			case gobreaker.StateHalfOpen:
			}
		},
	})
}
