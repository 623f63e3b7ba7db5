package inbound

import "testing"

// TestBusy: time spent waiting for a disk must not count as busy, and a guest's time must count
// once.
func TestBusy(t *testing.T) {
	t.Parallel()
	since := parseTicks("cpu  100 10 50 800 40 0 0 0 7 0")
	now := parseTicks("cpu  130 10 60 850 45 3 2 0 9 0")
	if got := now.busy(since); got != 0.45 {
		t.Errorf("got %v busy, want 45 of 100 ticks", got)
	}
	if got := (ticks{}).busy(ticks{}); got != 0 {
		t.Errorf("got %v busy without ticks, want 0", got)
	}
}
