package writer

import (
	"context"
	"slices"
	"sync"

	"wagate/followup"
)

// slots bounds the requests under way. Who finds none free waits, the tenants by turns: one
// that has hundreds of texts written keeps no other waiting for more than one of them.
type slots struct {
	mu    sync.Mutex
	free  int
	waits map[followup.TenantID][]chan struct{} // of each tenant, in order
	turns []followup.TenantID                   // those who wait; the first is served next
}

func newSlots(n int) *slots {
	return &slots{free: n, waits: map[followup.TenantID][]chan struct{}{}}
}

// acquire waits for a slot, to be given back by release. If ctx ends before, it returns
// why, and there is nothing to give back.
func (s *slots) acquire(ctx context.Context, t followup.TenantID) error {
	turn := s.join(t)
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		if s.leave(t, turn) {
			return context.Cause(ctx)
		}
		return nil // its turn had come
	}
}

// join takes a slot as soon as the channel that it returns is closed.
func (s *slots) join(t followup.TenantID) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	turn := make(chan struct{})
	if s.free > 0 {
		s.free--
		close(turn)
		return turn
	}
	if len(s.waits[t]) == 0 {
		s.turns = append(s.turns, t)
	}
	s.waits[t] = append(s.waits[t], turn)
	return turn
}

// leave takes back a join whose turn has not come; false if it has.
func (s *slots) leave(t followup.TenantID, turn chan struct{}) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.waits[t], turn)
	if i < 0 {
		return false
	}
	s.waits[t] = slices.Delete(s.waits[t], i, i+1)
	if len(s.waits[t]) == 0 {
		s.forget(t)
	}
	return true
}

// forget takes a tenant of whom nobody waits out of the turns.
func (s *slots) forget(t followup.TenantID) {
	delete(s.waits, t)
	s.turns = slices.DeleteFunc(s.turns, func(other followup.TenantID) bool { return other == t })
}

// release gives a slot back, to whoever is next.
func (s *slots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.turns) == 0 {
		s.free++
		return
	}
	t := s.turns[0]
	close(s.waits[t][0])
	s.waits[t] = s.waits[t][1:]
	if len(s.waits[t]) == 0 {
		s.forget(t)
		return
	}
	s.turns = append(s.turns[1:], t)
}
