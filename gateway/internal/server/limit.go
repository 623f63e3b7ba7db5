package server

import (
	"sync"
	"time"
)

// limiter is a token bucket per API key. A bucket holds a minute's worth of requests and is
// refilled evenly. Only keys that belong to a tenant come here, so the number of buckets is
// bounded.
type limiter struct {
	perMinute int
	now       func() time.Time
	mu        sync.Mutex
	buckets   map[Digest]*bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newLimiter(perMinute int, now func() time.Time) *limiter {
	return &limiter{perMinute: perMinute, now: now, buckets: map[Digest]*bucket{}}
}

// take takes a token from the bucket of the key. If there is none, it returns how long until there
// is one.
func (l *limiter) take(key Digest) (wait time.Duration, ok bool) {
	if l.perMinute <= 0 {
		return 0, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now, full := l.now(), float64(l.perMinute)
	b, known := l.buckets[key]
	if !known {
		b = &bucket{tokens: full, at: now}
		l.buckets[key] = b
	}
	if d := now.Sub(b.at); d > 0 {
		b.tokens = min(full, b.tokens+d.Minutes()*full)
		b.at = now
	}
	if b.tokens >= 1 {
		b.tokens--
		return 0, true
	}
	return time.Duration((1 - b.tokens) / full * float64(time.Minute)), false
}
