package relay

import (
	"net/http"

	"wagate/followup"
	"wagate/gateway/internal/webhook"
)

// formatHeader says of a delivery that is not in Meta's shape what it is.
const formatHeader = "X-Wagate-Format"

// The values of formatHeader.
const (
	formatRaw      = "raw"          // a webhook, byte by byte
	formatNarrowed = "raw-narrowed" // what of one is the conversation's
)

// rawOf returns the webhook that a delivery hands on as it came; nil: none.
func rawOf(events []followup.RelayEvent) *followup.RawWebhook {
	if len(events) != 1 {
		return nil // the store makes it a delivery by itself
	}
	return events[0].Raw
}

// passOn puts the provider's headers in the place of ours. X-Hub-Signature-256
// is the provider's own or none: over its body ours would be taken for it.
func passOn(h http.Header, raw *followup.RawWebhook) {
	h.Set(formatHeader, formatRaw)
	if raw.Narrowed {
		h.Set(formatHeader, formatNarrowed)
	}
	h.Del(webhook.Signature256)
	for _, name := range webhook.Passed() { // whatever else was stored
		if v := raw.Header[name]; v != "" {
			h.Set(name, v)
		}
	}
}
