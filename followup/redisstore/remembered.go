package redisstore

import "sync"

// remembered is what is known of the last few thousand of something. When there are too
// many all are forgotten: each can be found out again.
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

// take forgets it, and says whether it was known.
func (r *remembered[K, V]) take(of K) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.all[of]
	delete(r.all, of)
	return ok
}
