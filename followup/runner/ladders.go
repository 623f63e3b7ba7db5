package runner

import (
	"context"
	"errors"
	"sync"

	"wagate/followup"
)

// ladders remembers ladders by hash; a hash names one content for ever.
type ladders struct {
	mu   sync.Mutex
	byID map[ladderKey]followup.Ladder
}

type ladderKey struct {
	tenant followup.TenantID
	hash   followup.LadderHash
}

const maxLadders = 10_000

func (l *ladders) get(key ladderKey) (followup.Ladder, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ladder, ok := l.byID[key]
	return ladder, ok
}

func (l *ladders) put(key ladderKey, ladder followup.Ladder) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byID == nil || len(l.byID) >= maxLadders {
		l.byID = map[ladderKey]followup.Ladder{}
	}
	l.byID[key] = ladder
}

var errShort = errors.New("runner: ladder is shorter than its run")

// ladder returns the ladder that a run climbs, which has the run's step.
func (r *Runner) ladder(ctx context.Context, run followup.Run) (followup.Ladder, error) {
	key := ladderKey{run.Tenant, run.Ladder}
	l, ok := r.ladders.get(key)
	if !ok {
		var err error
		if l, err = r.p.Store.Ladder(ctx, run.Tenant, run.Ladder); err != nil {
			return followup.Ladder{}, err
		}
		r.ladders.put(key, l)
	}
	if run.Step >= len(l.Steps) {
		return followup.Ladder{}, errShort
	}
	return l, nil
}
