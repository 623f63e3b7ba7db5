package inbound

import (
	"context"
	"errors"
	"sync"
	"time"

	"wagate/followup/poll"
	"wagate/scripts/drills/internal/fleet"
)

// vandal causes the faults.
type vandal struct {
	fleet   *fleet.Fleet
	place   place
	arrived <-chan struct{}
	printf  func(string, ...any)

	frozen   sync.WaitGroup
	breaking chan error // receives when the place is whole again; nil: it is whole
	done     blows
}

// waitMoment bounds the wait for something to be in flight.
const waitMoment = time.Second

// rage causes all faults by their timetable and returns when everything is mended.
func (v *vandal) rage(ctx context.Context, list []blow, began time.Time) (err error) {
	defer v.frozen.Wait()
	defer func() { err = errors.Join(err, v.mended()) }()
	for _, b := range list {
		if err := fleet.SleepUntil(ctx, began.Add(b.at)); err != nil {
			return err
		}
		if err := v.strike(ctx, b, began); err != nil {
			return err
		}
	}
	return v.fleet.Up(ctx)
}

// mended waits until the place is whole again.
func (v *vandal) mended() error {
	if v.breaking == nil {
		return nil
	}
	err := <-v.breaking
	v.breaking = nil
	return err
}

// strike causes one fault. While Redis is broken, wagates may be hit too. strike waits until the
// replicas that a fault hits are up.
func (v *vandal) strike(ctx context.Context, b blow, began time.Time) error {
	switch b.what {
	case flush, killWagate, freezeWagate:
	case killAll:
		for i := range v.fleet.Replicas {
			b.replicas = append(b.replicas, i)
		}
		fallthrough
	case killRedis, freezeRedis, moveSlot:
		if err := v.mended(); err != nil {
			return err
		}
	}
	var err error
	if b.replicas, err = v.ready(ctx, b.replicas); err != nil {
		return err
	}
	if len(b.replicas) > 0 {
		v.await(ctx, v.fleet.Replicas[b.replicas[0]], b)
	}
	v.printf("storm %5.1fs %s\n", time.Since(began).Seconds(), b)
	switch b.what {
	case flush:
		v.done.flushes++
		return v.place.strike(ctx, b)
	case freezeWagate:
		for _, i := range b.replicas {
			v.freeze(ctx, v.fleet.Replicas[i], b.down)
		}
		return nil
	case freezeRedis:
		v.done.frozenRedis++
	case moveSlot:
		v.done.slots++
	case killRedis, killAll:
		v.done.redis++
	case killWagate:
	}
	if b.what != killWagate {
		breaking := make(chan error, 1)
		v.breaking = breaking
		go func() { breaking <- v.place.strike(ctx, b) }()
	}
	for _, i := range b.replicas {
		if v.fleet.Replicas[i].Kill(ctx, b.down) {
			v.done.wagate++
		}
	}
	return nil
}

// freeze suspends a replica for d. It may be killed meanwhile.
func (v *vandal) freeze(ctx context.Context, r *fleet.Replica, d time.Duration) {
	w := r.Alive()
	if w == nil {
		return
	}
	v.done.frozenWagate++
	w.Freeze()
	r.Frozen.Store(true)
	v.frozen.Go(func() {
		_ = poll.Sleep(ctx, d)
		w.Thaw()
		r.Frozen.Store(false)
	})
}

// ready waits until the replicas of a fault can be hit. For a single replica it takes another one
// that is up instead, if the first is down or frozen: a frozen replica stays so until its time is
// over.
func (v *vandal) ready(ctx context.Context, replicas []int) ([]int, error) {
	all := v.fleet.Replicas
	for len(replicas) == 1 {
		for turn := range all {
			i := (replicas[0] + turn) % len(all)
			if all[i].Alive() != nil && !all[i].Frozen.Load() {
				return []int{i}, nil
			}
		}
		if err := poll.Sleep(ctx, 10*time.Millisecond); err != nil {
			return nil, err
		}
	}
	for _, i := range replicas {
		if err := all[i].Up(ctx); err != nil {
			return nil, err
		}
	}
	return replicas, nil
}

// await waits for the moment of a fault, at most waitMoment.
func (v *vandal) await(ctx context.Context, r *fleet.Replica, b blow) {
	in := v.arrived
	switch b.moment {
	case anyTime:
		return
	case inWebhook:
		in = r.Wrote
	case inDelivery:
	}
	select {
	case <-in:
		_ = poll.Sleep(ctx, b.linger)
	case <-time.After(waitMoment):
	case <-ctx.Done():
	}
}
