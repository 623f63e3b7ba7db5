package inbound

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"wagate/followup/poll"
	"wagate/scripts/drills/internal/dice"
	"wagate/scripts/drills/internal/fleet"
	"wagate/scripts/internal/proc"
)

// blow is one thing that breaks.
type blow struct {
	at   time.Duration // since the storm began
	what blowKind
	// replicas are whose turn it is; moment is when exactly.
	replicas []int
	moment   moment
	linger   time.Duration // from the moment on
	down     time.Duration // until it is started again
}

// blowKind is what breaks.
type blowKind string

// The kinds.
const (
	killWagate blowKind = "wagate killed"
	killRedis  blowKind = "redis killed"
	killAll    blowKind = "wagate and redis killed"
	// Frozen is what hangs for a while, and then goes on as if nothing had been.
	freezeWagate blowKind = "wagate frozen"
	freezeRedis  blowKind = "redis frozen"
	flush        blowKind = "scripts flushed"
)

// moment is when a blow falls, once it is due.
type moment string

// The moments.
const (
	anyTime    moment = ""
	inWebhook  moment = " with a webhook in flight"
	inDelivery moment = " with a delivery in flight"
)

// blows is how many of each there are. A blow to both replicas counts twice.
type blows struct{ wagate, redis, frozenWagate, frozenRedis, flushes int }

// blows plans what breaks in a storm, spread over all but its end. A wagate hangs
// for so long that its leases run out.
func (p *planner) blows(n blows, replicas int, storm, hang time.Duration) []blow {
	var all []blow
	storm = storm * 9 / 10
	left := n.wagate
	for i, at := range p.Spread(n.redis, storm) {
		b := blow{at: at, what: killRedis, down: time.Duration(100+p.IntN(1900)) * time.Millisecond}
		if i > 0 && left >= replicas && p.Chance(20) { // the first time somebody is there to tell
			b.what = killAll
			left -= replicas
		}
		all = append(all, b)
	}
	var killed [][]int
	for left > 0 {
		first := p.IntN(replicas)
		these := []int{first}
		if left > 1 && p.Chance(15) {
			these = append(these, (first+1)%replicas)
		}
		left -= len(these)
		killed = append(killed, these)
	}
	for i, at := range p.Spread(len(killed), storm) {
		all = append(all, blow{
			at: at, what: killWagate, replicas: killed[i],
			moment: dice.Pick(p.Dice, []moment{anyTime, inWebhook, inWebhook, inDelivery}),
			linger: time.Duration(p.IntN(4000)) * time.Microsecond,
			down:   time.Duration(p.IntN(1500)) * time.Millisecond,
		})
	}
	for _, at := range p.Spread(n.frozenWagate, storm) {
		all = append(all, blow{at: at, what: freezeWagate, replicas: []int{p.IntN(replicas)}, moment: inDelivery, down: hang})
	}
	for _, at := range p.Spread(n.frozenRedis, storm) {
		all = append(all, blow{at: at, what: freezeRedis, down: time.Duration(500+p.IntN(3000)) * time.Millisecond})
	}
	for _, at := range p.Spread(n.flushes, storm) {
		all = append(all, blow{at: at, what: flush})
	}
	slices.SortStableFunc(all, func(a, b blow) int { return cmp.Compare(a.at, b.at) })
	return all
}

// vandal breaks things.
type vandal struct {
	fleet   *fleet.Fleet
	redis   *proc.Redis
	arrived <-chan struct{}
	printf  func(string, ...any)

	frozen sync.WaitGroup
	broken error // Redis cannot be started
	done   blows
}

// waitMoment bounds the wait for something to be in flight.
const waitMoment = time.Second

// rage lets the blows fall and returns when all is mended.
func (v *vandal) rage(ctx context.Context, list []blow, began time.Time) error {
	defer v.frozen.Wait()
	for _, b := range list {
		if err := fleet.SleepUntil(ctx, began.Add(b.at)); err != nil {
			break
		}
		v.strike(ctx, b, began)
		if v.broken != nil {
			return v.broken
		}
	}
	for _, r := range v.fleet.Replicas {
		if err := v.up(ctx, r); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// strike lets one blow fall. Redis is there again when it returns; a replica is
// waited for when its turn comes again.
func (v *vandal) strike(ctx context.Context, b blow, began time.Time) {
	replicas := b.replicas
	switch b.what {
	case flush:
		// Fails while Redis is down: then the cache is empty anyway.
		if v.redis.FlushScripts(ctx) == nil {
			v.done.flushes++
		}
		v.printf("storm %5.1fs %s\n", time.Since(began).Seconds(), b.what)
		return
	case killAll:
		for i := range v.fleet.Replicas {
			replicas = append(replicas, i)
		}
	case killRedis, killWagate, freezeWagate, freezeRedis:
	}
	replicas, err := v.ready(ctx, replicas)
	if err != nil {
		return
	}
	if len(replicas) > 0 {
		v.await(ctx, v.fleet.Replicas[replicas[0]], b)
	}
	v.printf("storm %5.1fs %s %v%s, back after %d ms\n",
		time.Since(began).Seconds(), b.what, replicas, b.moment, b.down.Milliseconds())
	switch b.what {
	case freezeWagate:
		for _, i := range replicas {
			v.freeze(ctx, v.fleet.Replicas[i], b.down)
		}
		return
	case freezeRedis:
		v.redis.Freeze()
		_ = poll.Sleep(ctx, b.down)
		v.redis.Thaw()
		v.done.frozenRedis++
		return
	case killRedis, killAll:
		v.redis.Kill()
		v.done.redis++
	case killWagate, flush:
	}
	for _, i := range replicas {
		if v.fleet.Replicas[i].Kill(ctx, b.down) {
			v.done.wagate++
		}
	}
	if b.what == killRedis || b.what == killAll {
		if err := poll.Sleep(ctx, b.down); err == nil {
			v.broken = v.redis.Restart(ctx)
		}
	}
}

// freeze lets a replica hang for a while. It may be killed meanwhile.
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

// ready waits until replicas can be struck. If it is only one that is meant, another
// will do that is up, and one that hangs does so to the end.
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
		if err := v.up(ctx, all[i]); err != nil {
			return nil, err
		}
	}
	return replicas, nil
}

// up waits until a replica is.
func (v *vandal) up(ctx context.Context, r *fleet.Replica) error {
	for r.Alive() == nil {
		if err := poll.Sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// await waits for the moment of a blow.
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

// String says how many blows fell.
func (n blows) String() string {
	return fmt.Sprintf("wagate killed %d times and frozen %d, redis killed %d times and frozen %d, scripts flushed %d times",
		n.wagate, n.frozenWagate, n.redis, n.frozenRedis, n.flushes)
}
