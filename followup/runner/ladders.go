package runner

import (
	"context"
	"errors"
	"sync"

	"github.com/cenkalti/backoff/v5"

	"wagate/followup"
)

// ladders caches ladders by hash. An entry never goes stale: the hash identifies the content.
type ladders struct {
	mu   sync.Mutex
	byID map[followup.LadderHash]followup.Ladder
}

// maxLadders bounds the cache. When it is full, all entries are dropped.
const maxLadders = 10_000

func (l *ladders) get(hash followup.LadderHash) (followup.Ladder, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ladder, ok := l.byID[hash]
	return ladder, ok
}

func (l *ladders) put(hash followup.LadderHash, ladder followup.Ladder) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.byID) >= maxLadders {
		clear(l.byID)
	}
	l.byID[hash] = ladder
}

var errShort = errors.New("runner: ladder is shorter than its run")

// ladder returns the ladder of a run. The ladder has the run's current step, else the error is
// errShort.
func (r *Runner) ladder(ctx context.Context, run followup.Run) (followup.Ladder, error) {
	l, ok := r.ladders.get(run.Ladder)
	if !ok {
		var err error
		if l, err = r.readLadder(ctx, run); err != nil {
			return followup.Ladder{}, err
		}
		r.ladders.put(run.Ladder, l)
	}
	if run.Step >= len(l.Steps) {
		return followup.Ladder{}, errShort
	}
	return l, nil
}

// readLadder reads the ladder from the store and retries for up to askWithin. While the tenant's
// part of Redis does not answer, claiming the step again every second would be wasteful.
func (r *Runner) readLadder(ctx context.Context, run followup.Run) (followup.Ladder, error) {
	return backoff.Retry(ctx, func() (followup.Ladder, error) {
		l, err := r.p.Store.Ladder(ctx, run.Tenant, run.Ladder)
		if errors.Is(err, followup.ErrNotFound) {
			return l, backoff.Permanent(err)
		}
		return l, err
	}, backoff.WithMaxElapsedTime(askWithin))
}
