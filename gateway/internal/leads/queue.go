package leads

import (
	"context"
	"hash/maphash"
)

// queue serialises the writers of one lead in this process. It is striped: two leads may share a
// stripe, and their writers then wait for each other. That costs a little time, but no memory per
// lead.
type queue struct {
	seed    maphash.Seed
	stripes [256]chan struct{}
}

func newQueue() *queue {
	q := &queue{seed: maphash.MakeSeed()}
	for i := range q.stripes {
		q.stripes[i] = make(chan struct{}, 1)
	}
	return q
}

// enter waits until no other writer holds key's stripe. The caller must call leave when it has
// finished. If ctx ends first, enter returns its cause.
func (q *queue) enter(ctx context.Context, key string) (leave func(), err error) {
	stripe := q.stripes[maphash.String(q.seed, key)%uint64(len(q.stripes))]
	select {
	case stripe <- struct{}{}:
		return func() { <-stripe }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
