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

var errShort = errors.New("runner: ladder is shorter than its run")

func (r *Runner) ladder(ctx context.Context, run followup.Run) (followup.Ladder, error) {
	key := ladderKey{run.Tenant, run.Ladder}
	r.ladders.mu.Lock()
	l, ok := r.ladders.byID[key]
	r.ladders.mu.Unlock()
	if ok {
		return l, nil
	}
	l, err := r.p.Store.Ladder(ctx, run.Tenant, run.Ladder)
	if err != nil {
		return followup.Ladder{}, err
	}
	if run.Step >= len(l.Steps) {
		return followup.Ladder{}, errShort
	}
	r.ladders.mu.Lock()
	defer r.ladders.mu.Unlock()
	if r.ladders.byID == nil || len(r.ladders.byID) >= maxLadders {
		r.ladders.byID = map[ladderKey]followup.Ladder{}
	}
	r.ladders.byID[key] = l
	return l, nil
}
