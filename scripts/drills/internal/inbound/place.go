package inbound

import (
	"context"
	"fmt"

	"wagate/followup/poll"
	"wagate/scripts/drills/internal/cluster"
	"wagate/scripts/internal/proc"
)

// place is where wagate stores everything, and how that breaks.
type place interface {
	url() string
	durability() string
	// strike causes a fault and returns when the place is whole again.
	strike(ctx context.Context, b blow) error
	Close() error
}

func (d *drill) startPlace(ctx context.Context) (place, error) {
	if d.Cluster {
		c, err := cluster.Start(d.sizes.takeOver)
		if err != nil {
			return nil, err
		}
		return &clusterPlace{c}, nil
	}
	r, err := d.StartRedis(ctx, proc.RedisParams{Fsync: "always", Rewrite: true})
	return &single{r}, err
}

// single is one Redis that syncs every write.
type single struct{ *proc.Redis }

func (s *single) url() string      { return s.URL }
func (*single) durability() string { return "always" }
func (*single) Close() error       { return nil } // its group stops it

func (s *single) strike(ctx context.Context, b blow) error {
	switch b.what {
	case flush:
		_ = s.FlushScripts(ctx) // fails while Redis is down: its cache is empty then anyway
		return nil
	case freezeRedis:
		s.Freeze()
		_ = poll.Sleep(ctx, b.down)
		s.Thaw()
		return nil
	case killRedis, killAll:
		s.Kill()
		if err := poll.Sleep(ctx, b.down); err != nil {
			return err
		}
		return s.Restart(ctx)
	case moveSlot, killWagate, freezeWagate:
	}
	return fmt.Errorf("no such blow to one Redis: %s", b.what)
}

// clusterPlace is a Redis Cluster.
type clusterPlace struct{ *cluster.Cluster }

func (c *clusterPlace) url() string      { return c.URL() }
func (*clusterPlace) durability() string { return cluster.Durability }

func (c *clusterPlace) strike(ctx context.Context, b blow) error {
	switch b.what {
	case flush:
		c.FlushScripts(ctx)
		return nil
	case freezeRedis:
		return c.Freeze(ctx, b.slot, b.down)
	case moveSlot:
		return c.Move(ctx, b.slot)
	case killRedis, killAll:
		return c.Promote(ctx, b.slot, b.deaf)
	case killWagate, freezeWagate:
	}
	return fmt.Errorf("no such blow to a cluster: %s", b.what)
}
