package ingest

import (
	"strings"
	"testing"

	"wagate/providers"
)

// TestHistoryText: the history has an event's words, cut to maxSaid characters. It has the kind in
// brackets if there are no words, and before a reaction's emoji.
func TestHistoryText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", maxSaid+5)
	cases := []struct {
		kind providers.Kind
		text string
		want string
	}{
		{providers.KindText, " hi ", "hi"},
		{providers.KindImage, "", "[image]"},
		{providers.KindImage, "look", "look"},
		{providers.KindReaction, "+", "[reaction] +"},
		{providers.KindCall, "", "[call]"},
		{providers.KindText, long, strings.Repeat("é", maxSaid) + "…"},
	}
	for _, c := range cases {
		if got := historyText(&providers.Event{Kind: c.kind, Text: c.text}); got != c.want {
			t.Errorf("%s %.20q: got %.30q, want %.30q", c.kind, c.text, got, c.want)
		}
	}
}
