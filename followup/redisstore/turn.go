package redisstore

import "sync"

// turn remembers who was served last, so that the next claim begins behind him.
type turn[T ~string] struct {
	mu   sync.Mutex
	last T
}

func (t *turn[T]) set(name T) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = name
}

// after returns the smallest text behind the name that was served last.
func (t *turn[T]) after() T {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last + "\x00"
}
