package sometimes_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wagate/followup/sometimes"
)

// TestAllow: each key must be allowed once per interval, counted from when it was last allowed.
func TestAllow(t *testing.T) {
	t.Parallel()
	l := sometimes.Limiter[string]{Interval: time.Minute}
	start := time.Unix(1790000000, 0)
	for i, c := range []struct {
		key   string
		after time.Duration
		want  bool
	}{
		{"a", 0, true},
		{"a", 0, false},
		{"b", 0, true},
		{"a", time.Minute - 1, false},
		{"a", time.Minute, true},
		{"a", 2*time.Minute - 1, false}, // counts from when it was last allowed, not last asked
		{"a", 2 * time.Minute, true},
		{"b", 2 * time.Minute, true},
	} {
		if got := l.Allow(c.key, start.Add(c.after)); got != c.want {
			t.Errorf("call %d: got %v for %s after %v, want %v", i, got, c.key, c.after, c.want)
		}
	}
}

// TestAllowAtOnce: of many calls at the same time, one must be allowed.
func TestAllowAtOnce(t *testing.T) {
	t.Parallel()
	l := sometimes.Limiter[int]{Interval: time.Minute}
	now := time.Unix(1790000000, 0)
	var (
		all     sync.WaitGroup
		allowed atomic.Int32
	)
	for range 50 {
		all.Go(func() {
			if l.Allow(1, now) {
				allowed.Add(1)
			}
		})
	}
	all.Wait()
	if got := allowed.Load(); got != 1 {
		t.Errorf("got %d allowed, want 1", got)
	}
}
