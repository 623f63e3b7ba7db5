// Package sometimes keeps the log readable while one trouble happens thousands of times.
package sometimes

import (
	"sync"
	"time"
)

// Limiter allows each key once per Interval. Its zero value with an Interval is ready for use, by
// several goroutines at once. It keeps every key it was ever asked about, so keys must come from a
// bounded set: channels and kinds of trouble, never leads.
type Limiter[K comparable] struct {
	Interval time.Duration

	mu   sync.Mutex
	last map[K]time.Time
}

// Allow reports whether key has not been allowed within the last Interval before now. If it reports
// true, the next Interval begins at now.
func (l *Limiter[K]) Allow(key K, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last, ok := l.last[key]; ok && now.Sub(last) < l.Interval {
		return false
	}
	if l.last == nil {
		l.last = map[K]time.Time{}
	}
	l.last[key] = now
	return true
}
