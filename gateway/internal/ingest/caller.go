package ingest

import (
	"wagate/followup"
	"wagate/gateway/internal/webhook"
	"wagate/providers"
	"wagate/providers/meta"
	"wagate/providers/secret"
)

// MetaCaller checks a webhook before its body is read. It returns webhook.ErrUnknown if there is no
// such app, and webhook.ErrUnauthorized if the signature does not even have the form of one.
func (in *Ingest) MetaCaller(app, signature string) error {
	if _, ok := in.p.Apps[app]; !ok {
		return webhook.ErrUnknown
	}
	if !meta.CouldSign(signature) {
		return webhook.ErrUnauthorized
	}
	return nil
}

// GupshupCaller checks a callback before its body is read. It returns webhook.ErrUnknown if there
// is no such Gupshup channel, and webhook.ErrUnauthorized if the token is not one of the channel's.
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
