package timers

import (
	"context"
	"time"

	"wagate/followup/poll"
	"wagate/scripts/drills/internal/dice"
	"wagate/scripts/internal/proc"
)

// place is where wagate stores everything, and how that breaks.
type place interface {
	url() string
	durability() string
	// strike causes a fault and returns when the place is whole again.
	strike(ctx context.Context, b blow) error
}

// single is one Redis that syncs every write.
type single struct{ *proc.Redis }

func startSingle(ctx context.Context, g *proc.Group) (*single, error) {
	r, err := g.StartRedis(ctx, proc.RedisParams{Fsync: "always", Rewrite: true})
	return &single{r}, err
}

func (s *single) url() string      { return s.URL }
func (*single) durability() string { return "always" }

func (s *single) strike(ctx context.Context, b blow) error {
	if b.what == flush {
		return s.FlushScripts(ctx)
	}
	s.Kill()
	if err := poll.Sleep(ctx, b.down); err != nil {
		return err
	}
	return s.Restart(ctx)
}

// blowsOfSingle plans the faults of one Redis.
func blowsOfSingle(d dice.Dice, n blows, within time.Duration) []blow {
	var all []blow
	for _, at := range d.Spread(n.redis, within) {
		all = append(all, blow{at: at, what: killRedis, down: d.Within(100*time.Millisecond, 1500*time.Millisecond)})
	}
	for _, at := range d.Spread(n.flushes, within) {
		all = append(all, blow{at: at, what: flush})
	}
	return all
}
