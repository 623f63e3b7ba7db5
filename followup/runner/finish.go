package runner

import (
	"context"
	"errors"
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

// finish records the outcome and what follows from it.
func (p *passage) finish(kind followup.StepKind, f followup.FinishStep) {
	r, run := p.r, p.c.Run
	f.Run, f.Token, f.Attempt, f.Kind = run.ID, p.c.Token, p.attempt, kind
	f.CloseWindow = f.CloseWindow || p.close
	used := run.Used
	if f.UsedStep > 0 {
		used = used.With(f.UsedStep)
	}
	f.Next = p.ladder.Next(run.Step, used)
	if f.Next >= 0 {
		f.Interval = p.ladder.Steps[f.Next].Wait()
	}

	ctx, cancel := context.WithTimeout(context.Background(), finishWithin)
	defer cancel()
	done, err := backoff.Retry(ctx, func() (followup.Finished, error) {
		f.Now, f.Real = r.p.Now(), r.p.Real()
		done, err := r.p.Store.FinishStep(ctx, f)
		if errors.Is(err, followup.ErrStale) || errors.Is(err, followup.ErrLeadMoved) {
			return done, backoff.Permanent(err)
		}
		return done, err
	}, backoff.WithMaxElapsedTime(finishWithin))
	switch {
	case err == nil:
		r.p.Steps.Step(kind, f.Outcome, f.Reason)
		if done.State == followup.RunArmed {
			r.Wake()
		}
	case errors.Is(err, followup.ErrStale), errors.Is(err, followup.ErrLeadMoved):
		r.metrics.stale.Inc()
	default:
		r.log.Error("outcome of a step not recorded", "run_id", run.ID, "outcome", f.Outcome, "err", err)
	}
}

// giveBack returns a step that was not sent; at until, if that is set. If that
// fails too, the lease runs out.
func (r *Runner) giveBack(c followup.Claimed, until time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), giveBackWithin)
	defer cancel()
	if err := r.p.Store.ReleaseStep(ctx, c.Run.ID, c.Token, until); err != nil {
		r.log.Warn("step not given back, its lease will run out", "run_id", c.Run.ID, "err", err)
	}
}
