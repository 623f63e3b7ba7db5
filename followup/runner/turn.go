package runner

import (
	"context"
	"maps"
	"slices"
	"time"

	"wagate/followup"
)

// claimWithin bounds how long a claim in progress may go on after a stop.
const claimWithin = 3 * time.Second

// turn claims as many steps as there are free workers and starts each on a goroutine of its own. It
// returns how long to wait before the next turn.
func (r *Runner) turn(ctx context.Context) (time.Duration, error) {
	r.claiming.Store(true)
	defer r.claiming.Store(false)
	free, inHand := r.room()
	if free <= 0 {
		return time.Hour, nil // at most: the first worker to become free wakes the poller
	}
	began := r.p.Real()
	batch, err := r.claim(ctx, free, inHand)
	r.ended(batch.Ended)
	for _, c := range batch.Steps {
		if ctx.Err() != nil {
			r.steps.Go(func() { r.giveBack(c, time.Time{}) }) // in parallel: a stop has little time
			continue
		}
		r.take(c.Run.Tenant) // called on this goroutine only
		r.steps.Go(func() {
			defer r.free(c.Run.Tenant)
			r.process(c)
		})
	}
	if err != nil {
		return 0, err
	}
	// The wait is measured from the beginning of the claim.
	return batch.Wait(r.p.Speed) - r.p.Real().Sub(began), nil
}

// ended counts runs that ended and reports that their assistants have something to be told.
func (r *Runner) ended(runs []followup.Ended) {
	r.p.Steps.Ended(runs)
	if len(runs) > 0 {
		r.p.Told()
	}
}

// room returns the number of free workers, and the steps in hand of each tenant.
func (r *Runner) room() (int, map[followup.TenantID]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.p.Workers - r.busy, maps.Clone(r.hands)
}

func (r *Runner) take(t followup.TenantID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy++
	r.hands[t]++
}

// free returns a worker. It wakes a poller that found no free worker, that found the tenant at its
// limit, or that is claiming for the workers that were free before.
func (r *Runner) free(t followup.TenantID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.release(t)
}

func (r *Runner) release(t followup.TenantID) {
	if back := r.returning[t]; len(back) > 0 && r.hands[t] <= r.p.PerTenant {
		r.returning[t] = back[1:]
		close(back[0])
		return // the worker passes to the tenant's waiting step
	}
	if r.hands[t] >= r.p.PerTenant {
		r.Wake()
	}
	r.idle()
	r.hands[t]--
}

// idle counts one busy worker less and wakes the poller if it needs to know.
func (r *Runner) idle() {
	if r.claiming.Load() || r.busy >= r.p.Workers {
		r.Wake()
	}
	r.busy--
}

// lendWhilePaced lends the worker of a step to other tenants while the step waits for its channel's
// pacing, unless too many steps are waiting. The step still counts as one of its tenant's steps in
// hand. The returned function takes a worker back even if none is free; Workers is exceeded for a
// moment then.
func (r *Runner) lendWhilePaced() (back func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.resting >= r.p.Writing {
		return func() {}
	}
	r.resting++
	r.idle()
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.resting--
		r.busy++
	}
}

// lendWhileWriting lends the worker of a step to other steps while the step waits for the model,
// unless too many steps are waiting. The returned function takes a worker back even if none is
// free; Workers is exceeded for a moment then. PerTenant is not exceeded: the function waits until
// another step of the tenant is done. If ctx ends first, it takes the worker at once.
func (r *Runner) lendWhileWriting(ctx context.Context, t followup.TenantID) (back func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting >= r.p.Writing || r.waits[t]*r.p.Workers >= r.p.Writing*r.p.PerTenant {
		return func() {}
	}
	r.waiting++
	r.waits[t]++
	r.release(t)
	return func() {
		turn := r.back(t)
		select {
		case <-turn:
		case <-ctx.Done():
			r.giveUp(t, turn)
		}
	}
}

// back asks for a worker for a step whose text is written. The step has its worker once the
// returned channel is closed.
func (r *Runner) back(t followup.TenantID) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting--
	r.waits[t]--
	turn := make(chan struct{})
	if r.hands[t] >= r.p.PerTenant {
		r.returning[t] = append(r.returning[t], turn)
		return turn
	}
	r.busy++
	r.hands[t]++
	close(turn)
	return turn
}

// giveUp takes a worker at once for a step that stops waiting, because it is about to be released.
func (r *Runner) giveUp(t followup.TenantID, turn <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.returning[t], func(c chan struct{}) bool { return c == turn })
	if i < 0 {
		return // the worker has been handed over already
	}
	r.returning[t] = slices.Delete(r.returning[t], i, i+1)
	r.busy++
	r.hands[t]++
}

// claim calls the store's Claim. A stop does not cut it off before claimWithin: steps that were
// claimed without the answer arriving would be held until their lease runs out.
func (r *Runner) claim(
	ctx context.Context, limit int, inHand map[followup.TenantID]int,
) (followup.Batch, error) {
	under := context.WithoutCancel(ctx)
	under, cancel := context.WithCancel(under)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(claimWithin, cancel) })()
	return r.p.Store.Claim(under, followup.ClaimParams{
		Now: r.p.Now(), Real: r.p.Real(), Limit: limit, Lease: r.p.ClaimLease,
		PerTenant: r.p.PerTenant, InHand: inHand,
	})
}
