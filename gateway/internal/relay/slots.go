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

// The breaker of an assistant.
const (
	breakerFailures = 10              // failures in a row that open it
	breakerPause    = 5 * time.Second // until one delivery tries again
)

// maxClaim bounds one claim, and so what the answer of the store may hold.
const maxClaim = 64

// slots keeps count of the deliveries that are out, overall, by tenant and by
// assistant, and which assistants are not to be tried just now.
type slots struct {
	log    *slog.Logger
	now    func() time.Time
	per    int // bound by assistant
	owners map[followup.AssistantID]followup.TenantID

	mu   sync.Mutex
	free int
	out  map[followup.TenantID]int
	of   map[followup.AssistantID]*slot
}

// slot is one assistant with deliveries out or a failure to remember.
type slot struct {
	busy int
	held time.Time // not to be tried before, as it asked
	// wary: it asked to wait and has not answered well since, so it is tried by
	// one delivery at a time.
	wary    bool
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
	// retryAt is when an open breaker lets one through, in Unix nanoseconds. It
	// is atomic because the breaker reports under its own lock, which room takes
	// under ours.
	retryAt atomic.Int64
	// trouble is how the last try failed; atomic for the same reason.
	trouble atomic.Value
}

func newSlots(
	total, per int, owners map[followup.AssistantID]followup.TenantID, now func() time.Time, log *slog.Logger,
) *slots {
	return &slots{
		log: log, now: now, per: per, owners: owners, free: total,
		out: map[followup.TenantID]int{}, of: map[followup.AssistantID]*slot{},
	}
}

// room says how much may be claimed of whom, and how long until an assistant of
// which nothing may be claimed can be tried again (zero: when a delivery ends).
//
// A tenant may have as many out as stay free: one that takes all it gets has half
// of the slots, two have a third each, and there is always something left for whoever
// has none. To keep that true while several are served at once, no claim takes
// more than half of what is free.
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
		Each: s.per, Left: make(map[followup.AssistantID]int, len(s.of)),
	}
	now := s.now()
	for id, a := range s.of {
		state := a.breaker.State()
		if a.busy == 0 && !a.wary && state == gobreaker.StateClosed && a.breaker.Counts().ConsecutiveFailures == 0 {
			delete(s.of, id)
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
			c.OfAssistant.Left[id] = s.per - a.busy
		}
	}
	return c, again
}

// take occupies a slot. If the assistant may be tried, result tells its breaker
// how the try went; otherwise allowed is false.
func (s *slots) take(id followup.AssistantID) (result func(error), allowed bool) {
	s.mu.Lock()
	a, ok := s.of[id]
	if !ok {
		a = &slot{}
		a.breaker = s.newBreaker(id, a)
		s.of[id] = a
	}
	a.busy++
	s.free--
	s.out[s.owners[id]]++
	// It may have asked to wait since the claim.
	barred := s.now().Before(a.held) || a.wary && a.busy > 1
	s.mu.Unlock()
	if barred {
		return nil, false
	}
	done, err := a.breaker.Allow()
	return func(err error) {
		if err == nil {
			s.calm(a)
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
	s.of[id].busy--
	s.free++
	t := s.owners[id]
	if s.out[t]--; s.out[t] == 0 {
		delete(s.out, t)
	}
}

// calm notes that an assistant answered well. What it was still asked before it
// asked us to wait tells nothing.
func (s *slots) calm(a *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.wary = a.wary && s.now().Before(a.held)
}

// hold leaves an assistant alone for d, as it asked us to; then one delivery
// tries whether it has had enough. There is one of it out.
func (s *slots) hold(id followup.AssistantID, d time.Duration) {
	s.mu.Lock()
	a := s.of[id]
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
