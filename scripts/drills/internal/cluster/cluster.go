// Package cluster runs the Redis Cluster that a drill breaks: three masters with a replica each.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9" //nolint:depguard // asks the nodes about themselves; what is stored is the store's

	"wagate/followup/poll"
	"wagate/followup/redisstore/redistest"
	"wagate/scripts/drills/internal/dice"
	"wagate/scripts/drills/internal/fleet"
)

// The shape of the cluster, and wagate's default number of partitions.
const (
	masters    = 3
	replicas   = 1
	partitions = 64
)

// Durability is the level of durability that survives the death of a master.
const Durability = "replicas:1"

// Cluster is a Redis Cluster. Except for FlushScripts, callers must break only one thing at a time.
type Cluster struct {
	nodes   *redistest.Cluster
	clients map[*redistest.Server]*redis.Client
	stand   stand
	away    atomic.Pointer[redistest.Server] // the node that is down or frozen
}

// Start starts a cluster that syncs its files every second. A replica takes over from a master that
// has not answered for takeOver; if that is 0, only from a master that Promote has killed.
func Start(takeOver time.Duration) (*Cluster, error) {
	c := &Cluster{clients: map[*redistest.Server]*redis.Client{}}
	opts := []redistest.Option{redistest.AOF("everysec")}
	if takeOver > 0 {
		opts = append(opts, redistest.TakeOver(takeOver))
	}
	err := attempt(func() {
		c.nodes = redistest.StartCluster(&c.stand, masters, replicas, opts...)
		for _, n := range c.nodes.Nodes {
			c.clients[n] = n.Client()
		}
	})
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Close ends all nodes.
func (c *Cluster) Close() error { return c.stand.close() }

// URL returns the addresses of the nodes as the operator's file takes them.
func (c *Cluster) URL() string { return c.nodes.URL() }

// Partition returns the hash tag of a random partition of wagate's.
func Partition(d dice.Dice) string { return "{p" + strconv.Itoa(d.IntN(partitions)) + "}" }

// FlushScripts empties the script caches of all nodes that are up.
func (c *Cluster) FlushScripts(ctx context.Context) {
	for n, db := range c.clients {
		if n != c.away.Load() {
			_ = db.ScriptFlush(ctx).Err() // a node that has just gone down has no cache
		}
	}
}

// Move moves the slot of a hash tag to another master, a few keys at a time, so that scripts meet
// it half moved.
func (c *Cluster) Move(ctx context.Context, tag string) error {
	return attempt(func() {
		slot := c.nodes.Slot(tag)
		m := c.nodes.Migrate(slot, c.nodes.Other(slot))
		for all := m.Keys(); len(all) > 0; all = m.Keys() {
			for keys := range slices.Chunk(all, 25) {
				m.Move(keys...)
				_ = poll.Sleep(ctx, 20*time.Millisecond)
			}
		}
		m.Finish()
		c.nodes.Settled()
	})
}

// Promote kills the master of a tag's slot, waits until its replica has taken over, and starts the
// killed node again as a replica. For the duration deaf before the kill, the replica hears nothing
// from the master, so what was written in that time is lost. If deaf is 0, the replica hears
// everything to the end.
func (c *Cluster) Promote(ctx context.Context, tag string, deaf time.Duration) error {
	var slot int
	var master *redistest.Server
	err := attempt(func() {
		slot = c.nodes.Slot(tag)
		master = c.nodes.Owner(slot)
	})
	if err != nil {
		return err
	}
	if deaf > 0 {
		if err := c.deafen(ctx, master); err != nil {
			return err
		}
		_ = poll.Sleep(ctx, deaf)
	}
	c.away.Store(master)
	defer c.away.Store(nil)
	err = attempt(func() { master = c.nodes.Failover(slot) })
	return errors.Join(err, attempt(master.Restart), c.hear(ctx), c.whole(ctx))
}

// Freeze suspends the master of a tag's slot for d. If that is longer than the other nodes wait,
// its replica takes over.
func (c *Cluster) Freeze(ctx context.Context, tag string, d time.Duration) error {
	var master *redistest.Server
	if err := attempt(func() { master = c.nodes.Owner(c.nodes.Slot(tag)) }); err != nil {
		return err
	}
	c.away.Store(master)
	master.Freeze()
	_ = poll.Sleep(ctx, d)
	master.Thaw()
	c.away.Store(nil)
	return c.whole(ctx)
}

// nobodys is a password that no node accepts.
const nobodys = "nobodys"

// deafen cuts a master's replicas off from what it writes, and from nothing else: it gives the
// other nodes a wrong password for their master, because a node without a password refuses a
// connection that sends one.
func (c *Cluster) deafen(ctx context.Context, master *redistest.Server) error {
	for n, db := range c.clients {
		if n == master {
			continue
		}
		if err := db.ConfigSet(ctx, "masterauth", nobodys).Err(); err != nil {
			return fmt.Errorf("cut replica off: %w", err)
		}
	}
	if err := c.clients[master].Do(ctx, "client", "kill", "type", "replica").Err(); err != nil {
		return fmt.Errorf("cut replica off: %w", err)
	}
	return nil
}

// hear lets all replicas follow their masters again.
func (c *Cluster) hear(ctx context.Context) error {
	return fleet.Until(ctx, mending, func() bool {
		for _, db := range c.clients {
			if db.ConfigSet(ctx, "masterauth", "").Err() != nil {
				return false
			}
		}
		return true
	})
}

// mending bounds how long the cluster may take to be whole again.
const mending = 3 * time.Minute

// whole waits until the cluster is ok on every node, there are as many masters as at the start, and
// every replica is connected to its master.
func (c *Cluster) whole(ctx context.Context) error {
	err := fleet.Until(ctx, mending, func() bool {
		found := 0
		for _, db := range c.clients {
			state, err := db.ClusterInfo(ctx).Result()
			if err != nil || !strings.Contains(state, "cluster_state:ok") {
				return false
			}
			role, err := db.Info(ctx, "replication").Result()
			switch {
			case err != nil:
				return false
			case strings.Contains(role, "role:master"):
				found++
			case !strings.Contains(role, "master_link_status:up"):
				return false
			}
		}
		return found == masters
	})
	if err != nil {
		return fmt.Errorf("cluster is not whole: %w", err)
	}
	return nil
}
