package timers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"wagate/followup/poll"
	"wagate/followup/redisstore/redistest"
	"wagate/scripts/drills/internal/dice"
	"wagate/scripts/drills/internal/fleet"
)

// clusterPlace is a Redis Cluster of three masters with a replica each.
type clusterPlace struct {
	*redistest.Cluster

	dice dice.Dice // whose turn it is
}

// The shape of the cluster, and how many slots' worth of leads wagate has by default.
const (
	masters    = 3
	partitions = 64
)

func startCluster(d *drill) (place, error) {
	s := &stand{}
	d.closers = append(d.closers, s.close)
	c := &clusterPlace{dice: dice.New(d.Seed + 2)}
	return c, attempt(func() {
		c.Cluster = redistest.StartCluster(s, masters, 1, redistest.AOF("everysec"))
	})
}

func (c *clusterPlace) url() string      { return c.URL() }
func (*clusterPlace) durability() string { return "replicas:1" }

func (c *clusterPlace) strike(ctx context.Context, b blow) error {
	slot := 0
	if err := attempt(func() { slot = c.Slot("{p" + strconv.Itoa(c.dice.IntN(partitions)) + "}") }); err != nil {
		return err
	}
	switch b.what {
	case flush:
		return attempt(func() {
			for _, n := range c.Nodes {
				_ = n.Client().ScriptFlush(ctx).Err() // one that is down has none
			}
		})
	case moveSlot:
		return attempt(func() { c.move(ctx, slot) })
	case killMaster:
		return c.promote(ctx, slot)
	case killWagate, killRedis:
	}
	return fmt.Errorf("no such blow to a cluster: %s", b.what)
}

// move moves a slot, some keys at a time, so that scripts meet it half way.
func (c *clusterPlace) move(ctx context.Context, slot int) {
	m := c.Migrate(slot, c.Other(slot))
	for all := m.Keys(); len(all) > 0; all = m.Keys() {
		for keys := range slices.Chunk(all, 25) {
			m.Move(keys...)
			_ = poll.Sleep(ctx, 20*time.Millisecond)
		}
	}
	m.Finish()
	c.Settled()
}

// promotion bounds how long the others may take to notice that a master is gone.
const promotion = 20 * time.Second

// promote kills the master of a slot, waits until its replica has taken over, and starts it
// again, as a replica. Whatever was not copied to one yet is lost.
func (c *clusterPlace) promote(ctx context.Context, slot int) error {
	var master *redistest.Server
	if err := attempt(func() {
		master = c.Owner(slot)
		master.Kill()
	}); err != nil {
		return err
	}
	err := fleet.Until(ctx, promotion, func() bool {
		now := master
		return attempt(func() { now = c.Owner(slot) }) == nil && now != master
	})
	return errors.Join(err, attempt(func() {
		master.Restart()
		c.Settled()
		c.Synced()
	}))
}

// blowsOfCluster are what breaks of a cluster.
func blowsOfCluster(d dice.Dice, n blows, within time.Duration) []blow {
	var all []blow
	for _, b := range []struct {
		kind  blowKind
		times int
	}{{killMaster, n.masters}, {moveSlot, n.slots}, {flush, n.flushes}} {
		for _, at := range d.Spread(b.times, within) {
			all = append(all, blow{at: at, what: b.kind})
		}
	}
	return all
}

// stand takes a test's place for redistest, which starts the cluster. What would fail a
// test is an error of attempt.
type stand struct {
	testing.TB

	mu       sync.Mutex
	cleanups []func()
}

// failure is how a stand says that a test would have failed.
type failure string

func (s *stand) Helper() {}

func (s *stand) Fatal(args ...any) { panic(failure(fmt.Sprint(args...))) }

func (s *stand) Fatalf(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

func (s *stand) Skip(args ...any) { panic(failure(fmt.Sprint(args...))) }

func (s *stand) Cleanup(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleanups = append(s.cleanups, f)
}

func (s *stand) close() error {
	for _, f := range slices.Backward(s.cleanups) {
		f()
	}
	return nil
}

// attempt returns as an error what would fail a test.
func attempt(do func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			err = errors.New(string(r))
		default:
			panic(r)
		}
	}()
	do()
	return nil
}
