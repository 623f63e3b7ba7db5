package runner

import (
	"strconv"
	"testing"

	"wagate/followup"
)

// The number of remembered ladders is bounded. A ladder that is dropped can be stored again, and
// none is taken for another.
func TestRememberedLaddersAreBounded(t *testing.T) {
	t.Parallel()
	l := ladders{byID: map[followup.LadderHash]followup.Ladder{}}
	name := func(i int) followup.LadderHash { return followup.LadderHash(strconv.Itoa(i)) }
	for i := range 3 * maxLadders {
		l.put(name(i), followup.Ladder{Steps: []followup.Step{{Prompt: string(name(i))}}})
		if n := len(l.byID); n > maxLadders {
			t.Fatalf("ladders remembered after %d: got %d, want at most %d", i+1, n, maxLadders)
		}
		if got, ok := l.get(name(i)); !ok || got.Steps[0].Prompt != string(name(i)) {
			t.Fatalf("ladder %d: got %v, %v, want the ladder just put", i, got, ok)
		}
	}
	if n := len(l.byID); n < 2 {
		t.Errorf("ladders remembered in the end: got %d, want some", n)
	}
}
