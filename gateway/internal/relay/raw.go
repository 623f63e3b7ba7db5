package relay

import (
	"net/http"

	"wagate/followup"
	"wagate/gateway/internal/webhook"
)

// formatHeader names the format of a delivery that is not in Meta's shape.
const formatHeader = "X-Wagate-Format"

// The values of formatHeader.
const (
	formatRaw      = "raw"          // a webhook, byte for byte
	formatNarrowed = "raw-narrowed" // the part of a webhook that is the conversation's
)

// rawOf returns the webhook that a delivery hands on as it came, or nil if there is none.
func rawOf(events []followup.RelayEvent) *followup.RawWebhook {
	if len(events) != 1 {
		return nil // the store gives a raw webhook a delivery of its own
	}
	return events[0].Raw
}

// setRawHeaders replaces our headers by the provider's. X-Hub-Signature-256 is the provider's own
// or absent: a signature of ours over the provider's body would be taken for the provider's.
func setRawHeaders(h http.Header, raw *followup.RawWebhook) {
	h.Set(formatHeader, formatRaw)
	if raw.Narrowed {
		h.Set(formatHeader, formatNarrowed)
	}
	h.Del(webhook.Signature256)
	for _, name := range webhook.Passed() { // and nothing else of what was stored
		if v := raw.Header[name]; v != "" {
			h.Set(name, v)
		}
	}
}
