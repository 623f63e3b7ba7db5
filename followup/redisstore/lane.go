package redisstore

import (
	"context"
	"errors"
	"sync"

	"github.com/redis/go-redis/v9"
)

// lanes carry the scripts of all callers to the nodes. Whoever comes while a
// lane is under way to his node waits for the next one, which takes all that wait
// in one round trip: the more there is to do, the less each costs. Nobody waits
// for company: at an idle node a call leaves at once.
type lanes struct {
	mu   sync.Mutex
	busy map[road]*queue
}

// road is where a lane leads to. Calls that wait for replicas have one of their
// own, so that they hold up nobody else.
type road struct {
	node    *redis.Client
	durable bool
}

// queue is what waits for a lane of one road.
type queue struct {
	calls   []*laneCall
	running int // lanes under way
}

// A road has two lanes: one fills while the other waits for its answers. Redis
// is blocked by what one brings, so that is bounded.
const (
	maxLanes    = 2
	maxTogether = 128
)

// laneCall is one call of a script on its way.
type laneCall struct {
	ctx    context.Context //nolint:containedctx // of the caller, who may have gone when the lane comes
	script *script
	keys   []string
	args   []any
	done   chan struct{} // closed when value and err stand
	value  any
	err    error
}

// travel takes a call down its road, which makes one try. What a node cannot
// do at once (it does not know the script, its slot is on its way, it is not the
// one to ask) the caller does alone, while the lane goes on.
func (s *Store) travel(ctx context.Context, durable bool, sc *script, keys []string, args []any) (any, error) {
	node, err := s.master(ctx, keys[0])
	if err != nil {
		return s.alone(ctx, durable, sc, keys, args)
	}
	r := road{node, durable}
	c := &laneCall{ctx: ctx, script: sc, keys: keys, args: args, done: make(chan struct{})}
	if s.lanes.join(r, c) {
		s.first(ctx, r, c)
	} else {
		select {
		case <-c.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if s.misled(c.err) {
		return s.alone(ctx, durable, sc, keys, args)
	}
	return c.value, c.err
}

// first makes the first journey of a lane, with the caller whose lane it is. Should that
// panic, who outlives it leaves no lane behind that nobody drives.
func (s *Store) first(ctx context.Context, r road, c *laneCall) {
	defer func() {
		if s.lanes.more(r) {
			go s.drive(r)
		}
	}()
	s.journey(ctx, r, []*laneCall{c})
}

// misled says that another try may succeed, or one elsewhere. Of a single node the
// client has tried a broken connection anew already; a cluster may have another.
func (s *Store) misled(err error) bool {
	if err == nil {
		return false
	}
	_, asked := redis.IsAskError(err)
	if asked || isMoved(err) || redis.HasErrorPrefix(err, "NOSCRIPT") || redis.IsTryAgainError(err) {
		return true
	}
	_, cluster := s.db.(*redis.ClusterClient)
	return lost(err) && (cluster || !broken(err))
}

// join gives a call a lane of its own if there is one left, else it queues it
// and returns false.
func (l *lanes) join(r road, c *laneCall) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy == nil {
		l.busy = map[road]*queue{}
	}
	q := l.busy[r]
	if q == nil {
		q = &queue{}
		l.busy[r] = q
	}
	if q.running == maxLanes {
		q.calls = append(q.calls, c)
		return false
	}
	q.running++
	return true
}

// more says whether somebody waits for the lane; if nobody does, it ends.
func (l *lanes) more(r road) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.busy[r]
	if len(q.calls) > 0 {
		return true
	}
	l.end(r, q)
	return false
}

// next returns the calls of the next journey, in the order they came; none ends
// the lane. Of one lead there is only one among them: of each lead its last answer
// alone is kept for a repetition, and a broken connection repeats a journey whole.
func (l *lanes) next(r road) []*laneCall {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.busy[r]
	var together, rest []*laneCall
	leads := map[string]bool{}
	for _, c := range q.calls {
		switch {
		case c.ctx.Err() != nil: // its caller has gone
		case len(together) == maxTogether, c.script.lead && leads[c.keys[0]]:
			rest = append(rest, c)
		default:
			together = append(together, c)
			leads[c.keys[0]] = true
		}
	}
	q.calls = rest
	if len(together) == 0 {
		l.end(r, q)
	}
	return together
}

// end ends a lane; of a road without lanes nothing is kept.
func (l *lanes) end(r road, q *queue) {
	if q.running--; q.running == 0 {
		delete(l.busy, r)
	}
}

// drive makes journeys down a road until nobody waits there.
func (s *Store) drive(r road) {
	// A caller who gives up must not take the others' answers with him; the
	// client's own time-outs bound a journey.
	ctx := context.Background()
	for calls := s.lanes.next(r); len(calls) > 0; calls = s.lanes.next(r) {
		s.journey(ctx, r, calls)
		for _, c := range calls {
			close(c.done)
		}
	}
}

// journey takes calls to their node and brings back what it said.
func (s *Store) journey(ctx context.Context, r road, calls []*laneCall) {
	if len(calls) == 1 && !r.durable {
		c := calls[0]
		c.value, c.err = value(c.script.EvalSha(ctx, r.node, c.keys, c.args...))
		return
	}
	cmds := make([]*redis.Cmd, len(calls))
	acked := s.wait(ctx)
	_, _ = r.node.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, c := range calls {
			cmds[i] = c.script.EvalSha(ctx, p, c.keys, c.args...)
		}
		if r.durable {
			return p.Process(ctx, acked)
		}
		return nil
	})
	for i, c := range calls {
		if c.value, c.err = value(cmds[i]); c.err == nil && r.durable {
			c.err = s.enough(acked)
		}
	}
}

// value is what a script returned; nil for nothing.
func value(cmd *redis.Cmd) (any, error) {
	v, err := cmd.Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return v, err
}
