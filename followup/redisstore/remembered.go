package redisstore

import "sync"

// remembered is a cache of at most maxRemembered entries. When it is full it forgets all of them:
// each can be found out again.
type remembered[K comparable, V any] struct {
	mu  sync.Mutex
	all map[K]V
}

const maxRemembered = 20_000

func (r *remembered[K, V]) put(of K, what V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil || len(r.all) >= maxRemembered {
		r.all = map[K]V{}
	}
	r.all[of] = what
}

func (r *remembered[K, V]) get(of K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	what, ok := r.all[of]
	return what, ok
}

// take forgets an entry and reports whether there was one.
func (r *remembered[K, V]) take(of K) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.all[of]
	delete(r.all, of)
	return ok
}
