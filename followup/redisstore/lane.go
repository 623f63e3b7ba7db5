package redisstore

import (
	"context"
	"errors"
	"sync"

	"github.com/redis/go-redis/v9"
)

// lanes carry the scripts of all callers to the nodes. A call that finds all lanes of its node
// busy waits. The next lane to become free sends the waiting calls in one pipeline, so a call
// costs less the more of them there are. There is no timer: a call to an idle node leaves at once.
type lanes struct {
	mu   sync.Mutex
	busy map[destination]*queue
}

// destination is a node. Calls that wait for replicas use lanes of their own, so that they do not
// hold up the others.
type destination struct {
	node    *redis.Client
	durable bool
}

// queue holds the calls that wait for one destination.
type queue struct {
	calls   []*laneCall
	running int // lanes that are busy
}

// A destination has few lanes, so that calls gather into batches, and its batches are small, so
// that Redis works on the next batch while the callers of the last one go on. Both numbers were
// measured.
const (
	maxLanes = 3
	maxBatch = 24
)

// laneCall is one call of a script.
type laneCall struct {
	ctx    context.Context //nolint:containedctx // the caller's; it may end before the call is sent
	script *script
	keys   []string
	args   []any
	done   chan struct{} // closed once value and err are set
	value  any
	err    error
}

// submit runs a script in a lane, which tries it once. If the node cannot run the script at once,
// because it does not know the script, the slot is moving or another node serves it, the caller
// runs the script alone, and the lane goes on.
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
	if s.worthRetryingAlone(c.err) {
		return s.alone(ctx, durable, sc, keys, args)
	}
	return c.value, c.err
}

// flushOwn runs the one call that has taken a lane, and then hands the lane on. It does so even
// if the call panics: the caller recovers, and the lane would otherwise stay busy for good.
func (s *Store) flushOwn(ctx context.Context, to destination, c *laneCall) {
	defer func() {
		if s.lanes.more(to) {
			go s.flushAll(to)
		}
	}()
	s.flush(ctx, to, []*laneCall{c})
}

// worthRetryingAlone reports whether a call that failed with err may succeed in another try, or at another
// node. After a broken connection only a cluster is worth another try, because another node may
// have taken over; to a single server the client has already made the call again.
func (s *Store) worthRetryingAlone(err error) bool {
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

// join gives a call a lane of its own and returns true if one is free. Otherwise it queues the
// call and returns false.
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

// more reports whether calls wait for the lane. If none does, it ends the lane.
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

// next returns the next batch, in the order in which the calls came. If there is none, it ends
// the lane and returns an empty batch. A batch holds at most one script about the same lead: a
// broken connection makes the client repeat the whole batch, and a lead keeps only its last answer
// for a repetition.
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

// end ends a lane, and forgets a destination that has no lanes left.
func (l *lanes) end(to destination, q *queue) {
	if q.running--; q.running == 0 {
		delete(l.busy, to)
	}
}

// flushAll runs batches until no call waits.
func (s *Store) flushAll(to destination) {
	// Not the context of a caller: one that gives up must not cost the others their answers.
	// The client's own time-outs bound a batch.
	ctx := context.Background()
	for calls := s.lanes.next(to); len(calls) > 0; calls = s.lanes.next(to) {
		s.flush(ctx, to, calls)
		for _, c := range calls {
			close(c.done)
		}
	}
}

// flush runs one batch, with one WAIT behind it if the destination is durable.
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

// value returns what a script returned; nil if it returned nothing.
func value(cmd *redis.Cmd) (any, error) {
	v, err := cmd.Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return v, err
}
