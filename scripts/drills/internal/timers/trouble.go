package timers

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"wagate/scripts/drills/internal/dice"
	"wagate/scripts/drills/internal/fleet"
)

// blow is one fault.
type blow struct {
	at      time.Duration // since the storm began
	what    blowKind
	replica int           // the wagate that it hits
	down    time.Duration // how long it stays down
}

// blowKind is the kind of a fault.
type blowKind string

// The kinds.
const (
	killWagate blowKind = "wagate killed"
	killRedis  blowKind = "redis killed"
	flush      blowKind = "scripts flushed"
	killMaster blowKind = "master killed, its replica promoted"
	moveSlot   blowKind = "slot moved"
)

// blows counts the faults of each kind.
type blows struct{ wagate, redis, flushes, masters, slots int }

// blowsOfWagate plans the kills of wagates.
func blowsOfWagate(d dice.Dice, n int, within time.Duration) []blow {
	var all []blow
	for _, at := range d.Spread(n, within) {
		all = append(all, blow{
			at: at, what: killWagate, replica: d.IntN(replicas), down: d.Within(50*time.Millisecond, 700*time.Millisecond),
		})
	}
	return all
}

// vandal causes the faults.
type vandal struct {
	fleet  *fleet.Fleet
	place  place
	printf func(string, ...any)

	mu   sync.Mutex
	done map[blowKind]int
}

// rage causes all faults by their timetable and returns when everything is mended. Wagates are
// killed whatever happens to Redis meanwhile.
func (v *vandal) rage(ctx context.Context, list []blow, began time.Time) error {
	var wagate, redis []blow
	for _, b := range list {
		if b.what == killWagate {
			wagate = append(wagate, b)
		} else {
			redis = append(redis, b)
		}
	}
	killed := make(chan error, 1)
	go func() {
		killed <- v.each(ctx, wagate, began, func(b blow) error {
			v.fleet.Replicas[b.replica].Kill(ctx, b.down)
			return nil
		})
	}()
	err := v.each(ctx, redis, began, func(b blow) error {
		err := v.place.strike(ctx, b)
		v.printf("storm %5.1fs %s\n", time.Since(began).Seconds(), b.what)
		return err
	})
	return errors.Join(err, <-killed, v.fleet.Up(ctx))
}

// each causes faults one after the other.
func (v *vandal) each(ctx context.Context, list []blow, began time.Time, strike func(blow) error) error {
	slices.SortStableFunc(list, func(a, b blow) int { return cmp.Compare(a.at, b.at) })
	for _, b := range list {
		if err := fleet.SleepUntil(ctx, began.Add(b.at)); err != nil {
			return err
		}
		if err := strike(b); err != nil {
			return err
		}
		v.mu.Lock()
		v.done[b.what]++
		v.mu.Unlock()
	}
	return nil
}
