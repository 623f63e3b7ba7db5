package memstore

import (
	"context"
	"slices"
	"time"

	"wagate/followup"
)

// Start implements followup.RunStore.
func (s *Store) Start(ctx context.Context, tenant followup.TenantID, id followup.LeadID, a followup.Arm, rearm bool, now, real time.Time) (followup.RunID, []followup.Ended, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return "", nil, err
	}
	defer unlock()
	l, err := s.find(tenant, id)
	if err != nil {
		return "", nil, err
	}
	if waits := l.rearms[a.Assistant]; rearm && (!waits.spoke || !l.windows[waits.channel].LastInbound.Equal(waits.since)) {
		return "", nil, nil
	}
	delete(l.rearms, a.Assistant)
	t := s.begin(l, now, real)
	if !t.mayStart(a) {
		return "", nil, nil
	}
	for _, r := range l.liveRuns() {
		if r.Assistant == a.Assistant {
			t.end(r, followup.Restarted)
		}
	}
	return t.start(a), t.ended, nil
}

// Cancel implements followup.RunStore.
func (s *Store) Cancel(ctx context.Context, tenant followup.TenantID, id followup.RunID, now, real time.Time) ([]followup.Ended, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	l, r := s.run(id)
	if r == nil || r.Tenant != tenant {
		return nil, followup.ErrNotFound
	}
	t := s.begin(l, now, real)
	t.end(r, followup.ByAPI)
	return t.ended, nil
}

// run returns a run by its id alone, and the lead that keeps it; nil if there is none.
func (s *Store) run(id followup.RunID) (*lead, *run) {
	l := s.leads[id.Lead()]
	if l == nil {
		return nil, nil
	}
	return l, l.runs[id]
}

// Run implements followup.RunStore.
func (s *Store) Run(ctx context.Context, tenant followup.TenantID, id followup.RunID) (followup.Run, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return followup.Run{}, err
	}
	defer unlock()
	_, r := s.run(id)
	if r == nil || r.Tenant != tenant {
		return followup.Run{}, followup.ErrNotFound
	}
	return r.view(), nil
}

// Runs implements followup.RunStore.
func (s *Store) Runs(ctx context.Context, tenant followup.TenantID, id followup.LeadID) ([]followup.Run, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	l, err := s.find(tenant, id)
	if err != nil {
		return nil, followup.ErrNotFound
	}
	var all []*run
	for _, r := range l.runs {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *run) int { return b.ID.N() - a.ID.N() })
	out := []followup.Run{}
	for _, r := range all {
		out = append(out, r.view())
	}
	return out, nil
}

// SaveLadder implements followup.RunStore.
func (s *Store) SaveLadder(ctx context.Context, tenant followup.TenantID, h followup.LadderHash, l followup.Ladder) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	s.ladders[ladderKey{tenant, h}] = clone(l)
	return nil
}

// Ladder implements followup.RunStore.
func (s *Store) Ladder(ctx context.Context, tenant followup.TenantID, h followup.LadderHash) (followup.Ladder, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return followup.Ladder{}, err
	}
	defer unlock()
	l, ok := s.ladders[ladderKey{tenant, h}]
	if !ok {
		return followup.Ladder{}, followup.ErrNotFound
	}
	return clone(l), nil
}
