package ingest

import (
	"wagate/followup"
	"wagate/gateway/internal/webhook"
	"wagate/providers"
	"wagate/providers/meta"
	"wagate/providers/secret"
)

// MetaCaller returns what is wrong with a webhook as far as it shows before
// there is a body: ErrUnknown, or ErrUnauthorized if the signature could be
// that of none.
func (in *Ingest) MetaCaller(app, signature string) error {
	if _, ok := in.p.Apps[app]; !ok {
		return webhook.ErrUnknown
	}
	if !meta.CouldSign(signature) {
		return webhook.ErrUnauthorized
	}
	return nil
}

// GupshupCaller returns what is wrong with a callback before there is a body:
// ErrUnknown, or ErrUnauthorized if the token is not the channel's.
func (in *Ingest) GupshupCaller(channel followup.ChannelID, token string) error {
	app, ok := in.p.GupshupBinding[channel]
	c, known := in.routes.channels[channel]
	if !ok || !known || c.Provider != providers.Gupshup {
		return webhook.ErrUnknown
	}
	if !secret.Presented(app.Tokens, token) {
		return webhook.ErrUnauthorized
	}
	return nil
}
