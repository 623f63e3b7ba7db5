package leads

import (
	"context"
	"hash/maphash"
)

// queue lets the writers of one lead in this process go one after the other.
// It is striped: two leads may share a stripe and then wait for each other,
// which costs a little time and no memory per lead.
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

// enter waits for the turn of key and returns how to end it.
func (q *queue) enter(ctx context.Context, key string) (leave func(), err error) {
	stripe := q.stripes[maphash.String(q.seed, key)%uint64(len(q.stripes))]
	select {
	case stripe <- struct{}{}:
		return func() { <-stripe }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
