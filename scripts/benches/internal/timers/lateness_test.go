package timers

import (
	"testing"
	"time"
)

// TestLag: lateness must count from when a step was due. A step that came before that must count as
// early, and one that never came must be an error.
func TestLag(t *testing.T) {
	t.Parallel()
	begin := time.UnixMilli(1_700_000_000_000)
	table := newTimetable(begin.Add(time.Microsecond), 3)
	for i, late := range []time.Duration{7 * time.Millisecond, -time.Nanosecond, 2 * time.Millisecond} {
		if i > 0 {
			if _, err := table.lag(); err == nil {
				t.Errorf("with %d of 3 steps: got no error, want one", i)
			}
		}
		table.came[i].Store(begin.Add(time.Duration(i)*time.Millisecond + late).UnixNano())
	}
	l, err := table.lag()
	if err != nil {
		t.Fatal(err)
	}
	if l.early != 1 || l.p50() != 2 || l.max() != 7 {
		t.Errorf("got %s, want 1 early, p50 2 ms, max 7 ms", l)
	}
}
