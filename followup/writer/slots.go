package writer

import (
	"context"
	"slices"
	"sync"

	"wagate/followup"
)

// slots bounds the requests in progress. A request that finds no slot free waits, and the tenants
// take turns: a tenant with hundreds of texts to write holds up another for at most one of them.
type slots struct {
	mu    sync.Mutex
	free  int
	waits map[followup.TenantID][]chan struct{} // waiting requests by tenant, in order
	turns []followup.TenantID                   // tenants with waiting requests; the first is served next
}

func newSlots(n int) *slots {
	return &slots{free: n, waits: map[followup.TenantID][]chan struct{}{}}
}

// acquire waits for a slot, which the caller must release. If ctx ends first, acquire returns its
// cause, and there is nothing to release.
func (s *slots) acquire(ctx context.Context, t followup.TenantID) error {
	turn := s.join(t)
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		if s.leave(t, turn) {
			return context.Cause(ctx)
		}
		return nil // the slot was handed over already
	}
}

// join asks for a slot. The caller has the slot once the returned channel is closed.
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

// leave cancels a join. It returns false if the slot was handed over already.
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

// forget removes a tenant without waiting requests from the turns.
func (s *slots) forget(t followup.TenantID) {
	delete(s.waits, t)
	s.turns = slices.DeleteFunc(s.turns, func(other followup.TenantID) bool { return other == t })
}

// release returns a slot, or hands it to the next waiting request.
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
