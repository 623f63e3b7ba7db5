package poll

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"wagate/followup/rescue"
)

// errPanic says that a turn panicked; the log has the stack.
var errPanic = errors.New("poll: turn panicked")

// Params configures a Loop. Next and Logger are required.
type Params struct {
	// Name identifies the loop in logs.
	Name string
	// Next takes one turn: it does the work that is due and returns how long until more will be due.
	// It must return soon after ctx is cancelled.
	Next func(ctx context.Context) (time.Duration, error)
	// Min is the shortest time between the end of a turn and the start of the next; default 2 ms.
	Min time.Duration
	// Max is the longest sleep; default 1 s. It bounds how long work for which no caller woke the loop
	// stays unnoticed.
	Max time.Duration
	// MaxBackoff is the longest sleep after errors; default 5 s.
	MaxBackoff time.Duration
	// Logger receives the loop's log.
	Logger *slog.Logger
	// Now returns real time; default time.Now.
	Now func() time.Time
}

// Loop takes turns until it is stopped. Create it with New.
type Loop struct {
	p    Params
	log  *slog.Logger
	wake chan struct{}
	last atomic.Int64 // end of the last successful turn, Unix nanoseconds
}

// The defaults of Params.
const (
	leastPause     = 2 * time.Millisecond
	longestPause   = time.Second
	longestBackoff = 5 * time.Second
	firstBackoff   = 50 * time.Millisecond
)

// New returns a loop that is not running yet; see Run.
func New(p Params) *Loop {
	if p.Min <= 0 {
		p.Min = leastPause
	}
	if p.Max <= 0 {
		p.Max = longestPause
	}
	if p.MaxBackoff <= 0 {
		p.MaxBackoff = longestBackoff
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	return &Loop{p: p, log: p.Logger.With("component", "poll", "loop", p.Name), wake: make(chan struct{}, 1)}
}

// Wake makes the next turn come as soon as Min allows. It never blocks, and may be called at any time
// and concurrently.
func (l *Loop) Wake() {
	select {
	case l.wake <- struct{}{}:
	default: // a wake is pending already; the turn it starts will see this work too
	}
}

// LastTurn returns when the last successful turn ended, or the zero time if there was none yet.
func (l *Loop) LastTurn() time.Time {
	n := l.last.Load()
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}

// Alive reports whether the last successful turn ended within d before now, in real time. A healthy
// loop takes a turn at least every Max. Readiness is based on Alive.
func (l *Loop) Alive(now time.Time, d time.Duration) bool {
	return now.Sub(l.LastTurn()) <= d // the zero time is longer ago than any d
}

// Run takes turns until ctx is cancelled. It must not be called twice at once.
func (l *Loop) Run(ctx context.Context) {
	trouble := backoff.ExponentialBackOff{
		InitialInterval: firstBackoff, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: l.p.MaxBackoff,
	}
	failed := 0
	for ctx.Err() == nil {
		wait, err := l.turn(ctx)
		switch {
		case ctx.Err() != nil: // a turn that a stop cut off has neither failed nor succeeded
		case err != nil:
			if failed == 0 {
				l.log.Warn("turn failed, backing off", "err", err)
			}
			failed++
			_ = Sleep(ctx, min(trouble.NextBackOff(), l.p.MaxBackoff)) // when ctx ends, the loop does
		default:
			if failed > 0 {
				l.log.Info("turns succeed again", "failed", failed)
				failed = 0
				trouble.Reset()
			}
			l.last.Store(l.p.Now().UnixNano())
			l.sleep(ctx, min(wait, l.p.Max))
		}
	}
}

// turn takes one turn. A turn that panics has failed.
func (l *Loop) turn(ctx context.Context) (wait time.Duration, err error) {
	if !rescue.Call(l.log, "turn panicked", func() { wait, err = l.p.Next(ctx) }) {
		return 0, errPanic
	}
	return wait, err
}

// sleep waits for d, or at least Min. A wake ends it, but not before Min.
func (l *Loop) sleep(ctx context.Context, d time.Duration) {
	_ = Sleep(ctx, l.p.Min)
	select {
	case <-l.wake:
	case <-time.After(d - l.p.Min):
	case <-ctx.Done():
	}
}
