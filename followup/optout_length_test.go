package followup

import (
	"strings"
	"testing"
)

// The longest text that can be an opt-out has longestOptOut bytes.
func TestOptOutLength(t *testing.T) {
	t.Parallel()
	words := NewOptOutWords(DefaultOptOutWords())
	for length, want := range map[int]bool{longestOptOut: true, longestOptOut + 1: false} {
		text := "STOP" + strings.Repeat(" ", length-len("STOP"))
		if got := words.Match(text); got != want {
			t.Errorf("%d bytes: got %v, want %v", length, got, want)
		}
	}
}
