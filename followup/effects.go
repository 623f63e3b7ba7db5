package followup

import "wagate/providers"

// Effect is what an inbound event of some kind does.
type Effect struct {
	Opens    bool    // it opens the customer service window
	Reply    bool    // it is a reply of the lead: live runs end
	Outbound bool    // the business spoke from elsewhere: the wait starts again
	Relay    bool    // it is relayed to the assistant
	Speaker  Speaker // whose message the history records; empty: none
}

// EffectOf returns the effect of a kind of inbound event.
//
// An unknown or unlisted kind is relayed and counts as a reply, but does not open the window: one
// nudge too few is better than a nudge after a reply, and silence is better than free-form text into
// a closed window.
func EffectOf(kind providers.Kind) Effect {
	var (
		message   = Effect{Opens: true, Reply: true, Relay: true, Speaker: FromLead}
		replyOnly = Effect{Reply: true, Relay: true, Speaker: FromLead}
		notice    = Effect{Relay: true}
		business  = Effect{Outbound: true, Relay: true, Speaker: FromBusiness}
	)
	switch kind {
	case providers.KindText, providers.KindImage, providers.KindVideo, providers.KindAudio,
		providers.KindDocument, providers.KindSticker, providers.KindLocation, providers.KindContacts,
		providers.KindInteractive, providers.KindButton, providers.KindOrder, providers.KindCall:
		return message
	case providers.KindReaction, providers.KindUnsupported, providers.KindEdit, providers.KindRevoke:
		return replyOnly
	case providers.KindReactionRemoved, providers.KindGroup, providers.KindSystem, providers.KindStatus,
		providers.KindHistory, providers.KindPreference, providers.KindTemplate, providers.KindAccount,
		providers.KindCallOther:
		return notice
	case providers.KindEcho:
		return business
	case providers.KindPlatform:
		return Effect{} // the provider talks to us, not to the assistant
	case providers.KindUnknown:
	}
	return Effect{Reply: true, Relay: true}
}
