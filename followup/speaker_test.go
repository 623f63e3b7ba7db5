package followup

import (
	"slices"
	"testing"

	"wagate/providers"
)

// What the lead says or does is in the history as the lead's, whether or not it opens the window.
// Of an unknown event nobody knows who spoke.
func TestSpeakerOfReplies(t *testing.T) {
	t.Parallel()
	for _, kind := range providers.Kinds {
		effect := EffectOf(kind)
		want := effect.Reply && kind != providers.KindUnknown
		if got := effect.Speaker == FromLead; got != want {
			t.Errorf("EffectOf(%s): got speaker %q, want the lead %v", kind, effect.Speaker, want)
		}
	}
	if !slices.Contains(providers.Kinds, providers.KindUnknown) || EffectOf("never heard of").Speaker != "" {
		t.Error("unknown kind: got a speaker, want none")
	}
}
