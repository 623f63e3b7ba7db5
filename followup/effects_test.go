package followup

import (
	"testing"

	"wagate/providers"
)

// Every kind of event has its documented effects; a kind that nobody knows has those of
// KindUnknown. Only an event from the lead opens the window, and exactly the events from
// the business are outbound.
func TestI3EffectsOfEveryKind(t *testing.T) {
	t.Parallel()
	const (
		opens    = 1 << iota
		reply    // ends the runs
		outbound // the step's wait starts again
		relay    // goes to the assistant
	)
	want := map[providers.Kind]int{
		providers.KindText: opens | reply | relay, providers.KindImage: opens | reply | relay,
		providers.KindVideo: opens | reply | relay, providers.KindAudio: opens | reply | relay,
		providers.KindDocument: opens | reply | relay, providers.KindSticker: opens | reply | relay,
		providers.KindLocation: opens | reply | relay, providers.KindContacts: opens | reply | relay,
		providers.KindInteractive: opens | reply | relay, providers.KindButton: opens | reply | relay,
		providers.KindOrder: opens | reply | relay, providers.KindCall: opens | reply | relay,
		providers.KindCallOther: relay,
		providers.KindReaction:  reply | relay, providers.KindReactionRemoved: relay,
		providers.KindUnsupported: reply | relay, providers.KindEdit: reply | relay, providers.KindRevoke: reply | relay,
		providers.KindGroup: relay, providers.KindSystem: relay, providers.KindStatus: relay,
		providers.KindEcho: outbound | relay, providers.KindHistory: relay, providers.KindPreference: relay,
		providers.KindTemplate: relay, providers.KindAccount: relay, providers.KindPlatform: 0,
		providers.KindUnknown: reply | relay,
	}
	if len(want) != len(providers.Kinds) {
		t.Errorf("kinds in the table: got %d, want %d", len(want), len(providers.Kinds))
	}
	for _, kind := range append([]providers.Kind{"never heard of"}, providers.Kinds...) {
		bits, ok := want[kind]
		if !ok {
			bits = reply | relay // like KindUnknown
		}
		got := EffectOf(kind)
		if got.Opens != (bits&opens != 0) || got.Reply != (bits&reply != 0) ||
			got.Outbound != (bits&outbound != 0) || got.Relay != (bits&relay != 0) {
			t.Errorf("EffectOf(%s): got %+v, want bits %04b", kind, got, bits)
		}
		if got.Opens && got.Speaker != FromLead {
			t.Errorf("EffectOf(%s): got an open window and speaker %q, want the lead", kind, got.Speaker)
		}
		if got.Outbound != (got.Speaker == FromBusiness) {
			t.Errorf("EffectOf(%s): outbound %v, speaker %q", kind, got.Outbound, got.Speaker)
		}
	}
}
