package app

import (
	"testing"
	"time"
)

// TestI12FastClockDoesNotOverflow: a fast clock goes on after more domain time has passed than a
// time.Duration can hold.
func TestI12FastClockDoesNotOverflow(t *testing.T) {
	t.Parallel()
	real := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	c := clock{real: func() time.Time { return real }, domain0: real, real0: real, speed: 1_000_000}
	last := c.Now()
	if !last.Equal(real) {
		t.Errorf("at the beginning: got %v, want %v", last, real)
	}
	for range 24 {
		real = real.Add(time.Hour)
		now := c.Now()
		if want := last.Unix() + 3_600_000_000; now.Unix() != want {
			t.Fatalf("an hour later: got %v, want %v", now, time.Unix(want, 0).UTC())
		}
		last = now
	}
}
