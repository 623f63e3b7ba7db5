package window_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"wagate/followup/window"
)

// The window is open from the lead's message until 24 h later, exclusive, unless the
// provider refused a message.
func TestI3WindowClosesAtExactly24Hours(t *testing.T) {
	t.Parallel()
	wrote := time.Date(2026, 3, 7, 18, 30, 0, 0, time.UTC)
	tests := []struct {
		name    string
		last    time.Time
		at      time.Time
		refused bool
		want    bool
	}{
		{"at the message itself", wrote, wrote, false, true},
		{"a millisecond before 24 h", wrote, wrote.Add(window.Length - time.Millisecond), false, true},
		{"a nanosecond before 24 h", wrote, wrote.Add(window.Length - 1), false, true},
		{"exactly 24 h", wrote, wrote.Add(window.Length), false, false},
		{"a millisecond after 24 h", wrote, wrote.Add(window.Length + time.Millisecond), false, false},
		{"message from the future", wrote.Add(time.Hour), wrote, false, true},
		{"no message", time.Time{}, wrote, false, false},
		{"no message, zero time", time.Time{}, time.Time{}, false, false},
		{"refused by the provider", wrote, wrote.Add(time.Minute), true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := window.Open(tt.last, tt.at, tt.refused); got != tt.want {
				t.Errorf("Open(%v, %v, %v): got %v, want %v", tt.last, tt.at, tt.refused, got, tt.want)
			}
		})
	}
}

// 24 h are real hours, whatever the time zones and changes of the clock.
func TestOpenIgnoresTimeZones(t *testing.T) {
	t.Parallel()
	// Clocks went forward in between, so this day has 23 hours.
	before := time.FixedZone("standard", -5*3600)
	after := time.FixedZone("daylight", -4*3600)
	wrote := time.Date(2026, 3, 7, 18, 0, 0, 0, before)
	sameWallClock := time.Date(2026, 3, 8, 18, 0, 0, 0, after)
	if !window.Open(wrote, sameWallClock, false) {
		t.Error("23 real hours later: got closed, want open")
	}
	if window.Open(wrote, sameWallClock.Add(time.Hour), false) {
		t.Error("24 real hours later: got open, want closed")
	}
}

// ClosesAt is 24 h after the message, or zero without one.
func TestClosesAt(t *testing.T) {
	t.Parallel()
	if got := window.ClosesAt(time.Time{}); !got.IsZero() {
		t.Errorf("no message: got %v, want zero", got)
	}
	wrote := time.Date(2028, 2, 28, 12, 0, 0, 0, time.UTC)
	want := time.Date(2028, 2, 29, 12, 0, 0, 0, time.UTC)
	if got := window.ClosesAt(wrote); !got.Equal(want) {
		t.Errorf("leap day: got %v, want %v", got, want)
	}
}

// Open is true exactly before ClosesAt.
func TestOpenAgreesWithClosesAt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		wrote := time.UnixMilli(rapid.Int64Range(1, 4e12).Draw(t, "wrote"))
		at := wrote.Add(time.Duration(rapid.Int64Range(-2, 50*3600*1000).Draw(t, "later")) * time.Millisecond)
		if got, want := window.Open(wrote, at, false), at.Before(window.ClosesAt(wrote)); got != want {
			t.Fatalf("Open: got %v, want %v", got, want)
		}
	})
}
