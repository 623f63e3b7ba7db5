package redisstore

import (
	"slices"
	"sync"

	"wagate/followup"
)

// turn remembers who was served last, so that the next claim begins behind that one.
type turn[T ~string] struct {
	mu   sync.Mutex
	last T
}

func (t *turn[T]) set(name T) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = name
}

func (t *turn[T]) get() T {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// behind returns sorted names, rotated so that they begin behind the one that was served last.
func behind[T ~string](names []T, last T) []T {
	at, _ := slices.BinarySearch(names, last+"\x00") // the smallest text greater than last
	return slices.Concat(names[at:], names[:at])
}

// turns remembers which tenant was served last, and for each tenant which assistant.
type turns struct {
	mu         sync.Mutex
	last       followup.TenantID
	assistants map[followup.TenantID]followup.AssistantID
}

func (t *turns) set(tenant followup.TenantID, a followup.AssistantID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.assistants == nil {
		t.assistants = map[followup.TenantID]followup.AssistantID{}
	}
	t.last, t.assistants[tenant] = tenant, a
}

func (t *turns) tenant() followup.TenantID {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

func (t *turns) assistant(of followup.TenantID) followup.AssistantID {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.assistants[of]
}
