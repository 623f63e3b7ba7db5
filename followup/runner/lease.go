package runner

import (
	"context"
	"errors"
	"time"

	"wagate/followup"
	"wagate/followup/rescue"
)

// keepLease keeps a step from being claimed again while its worker lives: a
// text may take long, above all when many are asked for at once. The context it
// returns ends when the step is not ours any more, so that nothing more is
// spent on it.
func (r *Runner) keepLease(ctx context.Context, c followup.Claimed, lost func()) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.Tick(r.p.ClaimLease / 3)
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick:
			}
			rescue.Call(r.log, "lease not kept, keeping it panicked", func() {
				err := r.p.Store.ExtendStep(ctx, c.Run.ID, c.Token, r.p.Real(), r.p.ClaimLease)
				if errors.Is(err, followup.ErrStale) {
					lost()
					cancel()
				}
			}, "run_id", c.Run.ID)
		}
	}()
	return ctx, func() {
		cancel()
		<-ended
	}
}
