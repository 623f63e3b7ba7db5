package relay

import (
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

// slots keeps count of the deliveries that are out, overall and by assistant,
// and which assistants are not to be tried just now.
type slots struct {
	log *slog.Logger
	now func() time.Time
	per int // bound by assistant
	// reserve is how many slots of an assistant must be free for it to be
	// claimed for; it keeps claims from shrinking to one delivery.
	reserve int

	mu   sync.Mutex
	free int
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
}

func newSlots(total, per int, now func() time.Time, log *slog.Logger) *slots {
	return &slots{
		log: log, now: now, free: total, per: per, reserve: max(1, per/4),
		of: map[followup.AssistantID]*slot{},
	}
}

// room says how many deliveries may be claimed, for whom none, and how long
// until one of those may be tried again (zero: when a delivery ends).
//
// Whoever claims no more than that, of others than those, never exceeds a bound.
func (s *slots) room() (limit int, skip []followup.AssistantID, again time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit = min(s.free, s.per)
	now := s.now()
	for id, a := range s.of {
		state := a.breaker.State()
		if a.busy == 0 && !a.wary && state == gobreaker.StateClosed && a.breaker.Counts().ConsecutiveFailures == 0 {
			delete(s.of, id)
			continue
		}
		until := a.held
		if state == gobreaker.StateOpen {
			until = later(until, time.Unix(0, a.retryAt.Load()))
		}
		single := a.wary || state == gobreaker.StateHalfOpen
		switch {
		case now.Before(until) || state == gobreaker.StateOpen:
			skip = append(skip, id)
			if wait := max(until.Sub(now), 0) + time.Millisecond; again == 0 || wait < again {
				again = wait
			}
		case single && a.busy > 0, s.per-a.busy < s.reserve:
			skip = append(skip, id)
		default:
			limit = min(limit, s.per-a.busy)
		}
	}
	return limit, skip, again
}

// take occupies a slot. If the assistant's breaker allows a try, result tells
// it how the try went; otherwise allowed is false.
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
		done(err)
	}, err == nil
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
	defer s.mu.Unlock()
	a := s.of[id]
	if !a.wary {
		s.log.Warn("assistant asks to wait", "assistant", id, "for", d)
	}
	a.held, a.wary = later(a.held, s.now().Add(d)), true
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// give frees a slot that take occupied.
func (s *slots) give(id followup.AssistantID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of[id].busy--
	s.free++
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
					s.log.Warn("assistant keeps failing, trying it now and then", "assistant", id)
				}
			case gobreaker.StateClosed:
				s.log.Info("assistant is back", "assistant", id)
			case gobreaker.StateHalfOpen:
			}
		},
	})
}
