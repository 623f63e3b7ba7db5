package runner

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"

	"wagate/followup"
)

// The bounds of what is done after the provider answered, when neither a stop
// nor Redis being away for a moment may lose it.
const (
	finishWithin   = 45 * time.Second
	giveBackWithin = 3 * time.Second
)

// askWithin bounds asking while the store is away: for the ladder, and for leave
// to send. What was written for the step is kept meanwhile: a text is not worth
// writing again every second that Redis does not answer.
const askWithin = 30 * time.Second

// finish records the outcome and what follows from it. A step in sending is finished by
// its attempt: one whose attempt nobody has heard of, and which so was not sent, is
// given back, and comes to the same the next time.
func (p *passage) finish(kind followup.StepKind, f followup.FinishStep) {
	r, run := p.r, p.c.Run
	if p.unheard {
		r.giveBack(p.c, time.Time{})
		return
	}
	f.Run, f.Token, f.Attempt, f.Kind = run.ID, p.c.Token, p.attempt, kind
	f.CloseWindow = p.close
	f.Next = p.ladder.Next(run.Step, run.Used.With(f.UsedStep)) // the first step, 0, is nobody's next
	if f.Next >= 0 {
		f.Interval = p.ladder.Steps[f.Next].Wait()
	}

	ctx, cancel := context.WithTimeout(context.Background(), finishWithin)
	defer cancel()
	p.over.Store(true)
	f.Now = r.p.Now() // when it ended, however long it takes to write that down
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

// recorded returns nil if f, which is not taken, is in the run's timeline
// already: an error does not say that nothing was written, and writing it again
// then finds the step gone. If it is not, ErrStale is the last word.
func (r *Runner) recorded(ctx context.Context, run followup.Run, f followup.FinishStep) error {
	now, err := r.p.Store.Run(ctx, run.Tenant, run.ID)
	if err != nil && !errors.Is(err, followup.ErrNotFound) {
		return err
	}
	if slices.ContainsFunc(now.Timeline, func(m followup.Moment) bool {
		// No two moments of a run are of one reason and one instant.
		return m.Reason == f.Reason && m.At.UnixMilli() == f.Now.UnixMilli()
	}) {
		return nil
	}
	return backoff.Permanent(followup.ErrStale)
}

// giveBack returns a step that was not sent; at until, if that is set. If that
// fails too, the lease runs out.
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
