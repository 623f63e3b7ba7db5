package runner

import (
	"context"
	"errors"
	"sync"

	"github.com/cenkalti/backoff/v5"

	"wagate/followup"
)

// ladders remembers ladders by hash; a hash names one content for ever, whoever
// uses it.
type ladders struct {
	mu   sync.Mutex
	byID map[followup.LadderHash]followup.Ladder
}

// maxLadders bounds what is remembered; beyond it, all is read anew.
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

// ladder returns the ladder that a run climbs, which has the run's step.
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

// readLadder asks the store for it, for a while: a step is not worth claiming
// again every second that its tenant's part of Redis does not answer.
func (r *Runner) readLadder(ctx context.Context, run followup.Run) (followup.Ladder, error) {
	return backoff.Retry(ctx, func() (followup.Ladder, error) {
		l, err := r.p.Store.Ladder(ctx, run.Tenant, run.Ladder)
		if errors.Is(err, followup.ErrNotFound) {
			return l, backoff.Permanent(err)
		}
		return l, err
	}, backoff.WithMaxElapsedTime(askWithin))
}
