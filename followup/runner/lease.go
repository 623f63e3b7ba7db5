package runner

import (
	"context"
	"errors"
	"time"

	"wagate/followup"
	"wagate/followup/rescue"
)

// keepLease renews the lease of a claimed step while its worker lives, so that the step is not
// claimed again. Writing a text may take long, above all when many are requested at once. The
// returned context is cancelled when the lease is lost, so that nothing more is spent on the step;
// lost is called then. The returned function stops the renewal and waits for its end.
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
			rescue.Call(r.log, "lease renewal panicked", func() {
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
