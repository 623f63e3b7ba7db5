package runner

import (
	"context"
	"maps"
	"slices"
	"time"

	"wagate/followup"
)

// claimWithin bounds a claim that is under way when the runner is stopped.
const claimWithin = 3 * time.Second

// turn claims as many steps as there are free workers.
func (r *Runner) turn(ctx context.Context) (time.Duration, error) {
	r.claiming.Store(true)
	defer r.claiming.Store(false)
	free, inHand := r.room()
	if free <= 0 {
		return time.Hour, nil // or less: the first worker to be free again wakes us
	}
	began := r.p.Real()
	batch, err := r.claim(ctx, free, inHand)
	r.ended(batch.Ended)
	for _, c := range batch.Steps {
		if ctx.Err() != nil {
			r.steps.Go(func() { r.giveBack(c, time.Time{}) }) // all at once: a stop has not long
			continue
		}
		r.take(c.Run.Tenant) // only this goroutine does
		r.steps.Go(func() {
			defer r.free(c.Run.Tenant)
			r.see(c)
		})
	}
	if err != nil {
		return 0, err
	}
	// What the claim says counts from its beginning.
	return batch.Wait(r.p.Speed) - r.p.Real().Sub(began), nil
}

// ended takes in that runs ended: that is counted, and their assistants are told.
func (r *Runner) ended(runs []followup.Ended) {
	r.p.Steps.Ended(runs)
	if len(runs) > 0 {
		r.p.Told()
	}
}

// room returns how many workers are free, and how many steps of each tenant
// are in hand.
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

// free gives a worker back, and wakes a poller that found none, or none for
// this tenant, or that is claiming for those who were free before.
func (r *Runner) free(t followup.TenantID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.release(t)
}

func (r *Runner) release(t followup.TenantID) {
	if back := r.backs[t]; len(back) > 0 && r.hands[t] <= r.p.PerTenant {
		r.backs[t] = back[1:]
		close(back[0])
		return // his now
	}
	if r.hands[t] >= r.p.PerTenant {
		r.Wake()
	}
	r.idle()
	r.hands[t]--
}

// idle counts a worker less.
func (r *Runner) idle() {
	if r.claiming.Load() || r.busy >= r.p.Workers {
		r.Wake()
	}
	r.busy--
}

// rest gives a step's worker to other tenants while the step waits for its channel's pacing,
// if not too many do: its own has it in hand as before. What it returns takes one back, also
// if there is none free: the bound is passed for a moment then.
func (r *Runner) rest() (back func()) {
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

// lend gives a step's worker to others while the step waits for the model, if not too
// many do. What it returns takes one back, also if there is none free: the bound is passed
// for a moment then. The tenant's is not: it waits until another step of his is done, or
// ctx is.
func (r *Runner) lend(ctx context.Context, t followup.TenantID) (back func()) {
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

// back takes a worker back as soon as the channel that it returns is closed.
func (r *Runner) back(t followup.TenantID) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting--
	r.waits[t]--
	turn := make(chan struct{})
	if r.hands[t] >= r.p.PerTenant {
		r.backs[t] = append(r.backs[t], turn)
		return turn
	}
	r.busy++
	r.hands[t]++
	close(turn)
	return turn
}

// giveUp takes the worker at once: the step is to be given back.
func (r *Runner) giveUp(t followup.TenantID, turn <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.backs[t], func(c chan struct{}) bool { return c == turn })
	if i < 0 {
		return // it was his turn
	}
	r.backs[t] = slices.Delete(r.backs[t], i, i+1)
	r.busy++
	r.hands[t]++
}

// claim is not cut off by a stop: a claim that was made and not heard of would
// keep its steps until their lease runs out.
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
