package redisstore

import (
	"context"
	"errors"
	"sync"

	"github.com/redis/go-redis/v9"
)

// lanes carry the scripts of all callers to the nodes. Whoever comes while the
// lanes of his node are busy waits until one is free, which takes all that wait in
// one pipeline: the more there is to do, the less each costs. No timer is involved:
// at an idle node a call leaves at once.
type lanes struct {
	mu   sync.Mutex
	busy map[destination]*queue
}

// destination is a node. Calls that wait for replicas have lanes of their own there,
// so that they hold up nobody else.
type destination struct {
	node    *redis.Client
	durable bool
}

// queue is what waits for one destination.
type queue struct {
	calls   []*laneCall
	running int // lanes that are busy
}

// A destination has few lanes, so that calls gather, and small batches, so that Redis has the next ones
// while the callers of the last work on. How many of each was measured.
const (
	maxLanes = 3
	maxBatch = 24
)

// laneCall is one call of a script.
type laneCall struct {
	ctx    context.Context //nolint:containedctx // of the caller, who may have gone before the call leaves
	script *script
	keys   []string
	args   []any
	done   chan struct{} // closed when value and err stand
	value  any
	err    error
}

// submit has a lane run a script, which makes one try. What a node cannot do at
// once (it does not know the script, its slot is on its way, it is not the one to
// ask) the caller does alone, while the lane goes on.
func (s *Store) submit(ctx context.Context, durable bool, sc *script, keys []string, args []any) (any, error) {
	node, err := s.master(ctx, keys[0])
	if err != nil {
		return s.alone(ctx, durable, sc, keys, args)
	}
	to := destination{node, durable}
	c := &laneCall{ctx: ctx, script: sc, keys: keys, args: args, done: make(chan struct{})}
	if s.lanes.join(to, c) {
		s.flushOwn(ctx, to, c)
	} else {
		select {
		case <-c.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if s.goesAlone(c.err) {
		return s.alone(ctx, durable, sc, keys, args)
	}
	return c.value, c.err
}

// flushOwn runs the call that has taken a lane, and hands that on: also when it
// panics, as callers outlive that.
func (s *Store) flushOwn(ctx context.Context, to destination, c *laneCall) {
	defer func() {
		if s.lanes.more(to) {
			go s.flushAll(to)
		}
	}()
	s.flush(ctx, to, []*laneCall{c})
}

// goesAlone says that another try may succeed, or one elsewhere. Of a single node the
// client has tried a broken connection anew already; a cluster may have another.
func (s *Store) goesAlone(err error) bool {
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
func (l *lanes) join(to destination, c *laneCall) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy == nil {
		l.busy = map[destination]*queue{}
	}
	q := l.busy[to]
	if q == nil {
		q = &queue{}
		l.busy[to] = q
	}
	if q.running == maxLanes {
		q.calls = append(q.calls, c)
		return false
	}
	q.running++
	return true
}

// more says whether somebody waits for the lane; if nobody does, it ends.
func (l *lanes) more(to destination) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.busy[to]
	if len(q.calls) > 0 {
		return true
	}
	l.end(to, q)
	return false
}

// next returns the next batch, in the order the calls came; an empty one ends the
// lane. Of one lead there is only one call in it: of each lead its last answer alone
// is kept for a repetition, and a broken connection repeats a batch whole.
func (l *lanes) next(to destination) []*laneCall {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.busy[to]
	var batch, rest []*laneCall
	leads := map[string]bool{}
	for _, c := range q.calls {
		switch {
		case c.ctx.Err() != nil: // its caller has gone
		case len(batch) == maxBatch, c.script.lead && leads[c.keys[0]]:
			rest = append(rest, c)
		default:
			batch = append(batch, c)
			leads[c.keys[0]] = true
		}
	}
	q.calls = rest
	if len(batch) == 0 {
		l.end(to, q)
	}
	return batch
}

// end ends a lane; of a destination without lanes nothing is kept.
func (l *lanes) end(to destination, q *queue) {
	if q.running--; q.running == 0 {
		delete(l.busy, to)
	}
}

// flushAll runs batches until nobody waits.
func (s *Store) flushAll(to destination) {
	// A caller who gives up must not take the others' answers with him; the
	// client's own time-outs bound a batch.
	ctx := context.Background()
	for calls := s.lanes.next(to); len(calls) > 0; calls = s.lanes.next(to) {
		s.flush(ctx, to, calls)
		for _, c := range calls {
			close(c.done)
		}
	}
}

// flush runs one batch.
func (s *Store) flush(ctx context.Context, to destination, calls []*laneCall) {
	if len(calls) == 1 && !to.durable {
		c := calls[0]
		c.value, c.err = value(c.script.EvalSha(ctx, to.node, c.keys, c.args...))
		return
	}
	cmds := make([]*redis.Cmd, len(calls))
	var acked *redis.IntCmd
	_, _ = to.node.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, c := range calls {
			cmds[i] = c.script.EvalSha(ctx, p, c.keys, c.args...)
		}
		if to.durable {
			acked = s.wait(ctx)
			return p.Process(ctx, acked)
		}
		return nil
	})
	for i, c := range calls {
		if c.value, c.err = value(cmds[i]); c.err == nil && to.durable {
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
