package memstore

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"wagate/followup"
)

// addDeadLetter stores the delivery at the head of a queue as a dead letter.
func (s *Store) addDeadLetter(l *lead, a followup.AssistantID, q *queue, f followup.FinishDelivery) {
	letter := &followup.DeadLetter{
		ID: "0." + q.head.id, Tenant: l.rec.Tenant, Assistant: a, Lead: l.rec.ID,
		Channel: q.events[0].event.Channel, Reason: f.Dead, Attempts: q.head.tries,
		QueuedAt: q.events[0].at, DeadAt: ms(f.Real), Count: q.head.n,
	}
	for _, e := range q.events[:q.head.n] {
		letter.Events = append(letter.Events, e.event)
	}
	s.dead[letter.ID] = letter
}

// DeadLetters implements followup.RelayStore.
func (s *Store) DeadLetters(ctx context.Context, tenant followup.TenantID, limit, offset int) ([]followup.DeadLetter, int, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer unlock()
	all := []followup.DeadLetter{}
	for _, d := range s.dead {
		if tenant == "" || d.Tenant == tenant {
			short := *d
			short.Events = nil
			all = append(all, short)
		}
	}
	slices.SortFunc(all, func(a, b followup.DeadLetter) int {
		return -cmp.Or(a.DeadAt.Compare(b.DeadAt), cmp.Compare(a.ID, b.ID))
	})
	return page(all, limit, offset), len(all), nil
}

// WalkDead implements followup.RelayStore.
func (s *Store) WalkDead(ctx context.Context, tenant followup.TenantID, visit func(followup.DeadLetter) error) error {
	all, _, err := s.DeadLetters(ctx, tenant, math.MaxInt32, 0)
	if err != nil {
		return err
	}
	for _, d := range slices.Backward(all) {
		if err := visit(d); err != nil {
			return err
		}
	}
	return nil
}

// DeadLetter implements followup.RelayStore.
func (s *Store) DeadLetter(ctx context.Context, id string) (followup.DeadLetter, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return followup.DeadLetter{}, err
	}
	defer unlock()
	d := s.dead[id]
	if d == nil {
		return followup.DeadLetter{}, followup.ErrNotFound
	}
	return clone(*d), nil
}

// ReplayDead implements followup.RelayStore.
func (s *Store) ReplayDead(ctx context.Context, id string, real time.Time) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	d := s.dead[id]
	if d == nil {
		return followup.ErrNotFound
	}
	delete(s.dead, id)
	t := s.begin(s.leads[d.Lead], real, real)
	for _, e := range d.Events {
		t.relay(d.Assistant, e)
	}
	return nil
}

// DropDead implements followup.RelayStore.
func (s *Store) DropDead(ctx context.Context, id string) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if s.dead[id] == nil {
		return followup.ErrNotFound
	}
	delete(s.dead, id)
	return nil
}
