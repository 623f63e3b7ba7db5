package timers

import (
	"context"
	"fmt"
	"time"

	"wagate/scripts/drills/internal/cluster"
	"wagate/scripts/drills/internal/dice"
)

// clusterPlace is a Redis Cluster.
type clusterPlace struct {
	*cluster.Cluster

	dice dice.Dice // chooses the slot to hit
}

func startCluster(d *drill) (place, error) {
	c, err := cluster.Start(d.sizes.takeOver)
	if err != nil {
		return nil, err
	}
	d.closers = append(d.closers, c.Close)
	return &clusterPlace{Cluster: c, dice: dice.New(d.Seed + 2)}, nil
}

func (c *clusterPlace) url() string      { return c.URL() }
func (*clusterPlace) durability() string { return cluster.Durability }

func (c *clusterPlace) strike(ctx context.Context, b blow) error {
	tag := cluster.Partition(c.dice)
	switch b.what {
	case flush:
		c.FlushScripts(ctx)
		return nil
	case moveSlot:
		return c.Move(ctx, tag)
	case killMaster:
		return c.Promote(ctx, tag, 0)
	case killWagate, killRedis:
	}
	return fmt.Errorf("no such blow to a cluster: %s", b.what)
}

// blowsOfCluster plans the faults of a Cluster.
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
