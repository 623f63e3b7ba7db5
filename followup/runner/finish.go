package runner

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"

	"wagate/followup"
)

// Bounds for the store calls after the provider answered. Neither a stop nor a short outage of
// Redis may lose the result, so these calls do not use the caller's context.
const (
	finishWithin   = 45 * time.Second
	giveBackWithin = 3 * time.Second
)

// askWithin bounds how long a step waits for the store, when it reads its ladder or asks the guard.
// The step keeps its text meanwhile: writing a new text every second until Redis answers would be
// wasteful.
const askWithin = 30 * time.Second

// finish records the outcome of the step, and arms the next step or ends the run. The store accepts
// the result of a step in sending by its attempt id. If the guard may have recorded an attempt
// whose id never arrived here, nothing was sent under that attempt: finish then releases the step,
// which comes to the same outcome when it is claimed again.
func (p *passage) finish(kind followup.StepKind, f followup.FinishStep) {
	r, run := p.r, p.c.Run
	if p.attemptUnknown {
		r.giveBack(p.c, time.Time{})
		return
	}
	f.Run, f.Token, f.Attempt, f.Kind = run.ID, p.c.Token, p.attempt, kind
	f.CloseWindow = p.close
	// Step 0 is never a next step, so a UsedStep of zero marks none.
	f.Next = p.ladder.Next(run.Step, run.Used.With(f.UsedStep))
	if f.Next >= 0 {
		f.Interval = p.ladder.Steps[f.Next].Wait()
	}

	ctx, cancel := context.WithTimeout(context.Background(), finishWithin)
	defer cancel()
	p.finishing.Store(true)
	f.Now = r.p.Now() // when the step ended, however long recording takes
	done, err := backoff.Retry(ctx, func() (followup.Finished, error) {
		f.Real = r.p.Real()
		done, err := r.p.Store.FinishStep(ctx, f)
		if errors.Is(err, followup.ErrStale) {
			err = r.recorded(ctx, run, f)
		}
		return done, err
	}, backoff.WithMaxElapsedTime(finishWithin))
	switch {
	case err == nil:
		r.p.Steps.Step(kind, f.Outcome, f.Reason)
		r.p.Told()
		if done.State != followup.RunEnded {
			r.Wake()
		}
	case errors.Is(err, followup.ErrStale):
		p.lost()
	default:
		r.log.Error("outcome of a step not recorded", "run_id", run.ID, "outcome", f.Outcome, "err", err)
	}
}

// recorded returns nil if the run's timeline already holds f, which the store has just refused as
// stale. A failed call may have been carried out all the same; the repetition then finds the step
// gone. If the timeline does not hold f, recorded returns ErrStale as a permanent error.
func (r *Runner) recorded(ctx context.Context, run followup.Run, f followup.FinishStep) error {
	now, err := r.p.Store.Run(ctx, run.Tenant, run.ID)
	if err != nil && !errors.Is(err, followup.ErrNotFound) {
		return err
	}
	if slices.ContainsFunc(now.Timeline, func(m followup.Moment) bool {
		// A run never has two moments with the same reason at the same instant.
		return m.Reason == f.Reason && m.At.UnixMilli() == f.Now.UnixMilli()
	}) {
		return nil
	}
	return backoff.Permanent(followup.ErrStale)
}

// giveBack releases a step that was not sent. If until is set, the step is due again then, and the
// release counts as a try. If giveBack fails, the lease runs out.
func (r *Runner) giveBack(c followup.Claimed, until time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), giveBackWithin)
	defer cancel()
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		return struct{}{}, r.p.Store.ReleaseStep(ctx, followup.ReleaseStep{
			Run: c.Run.ID, Token: c.Token, Until: until, Now: r.p.Now(), Real: r.p.Real(),
		})
	}, backoff.WithMaxElapsedTime(giveBackWithin))
	if err != nil {
		r.log.Warn("step not given back, its lease will run out", "run_id", c.Run.ID, "err", err)
	}
}
