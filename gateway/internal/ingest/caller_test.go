package ingest

import (
	"errors"
	"strings"
	"testing"

	"wagate/followup"
	"wagate/gateway/internal/webhook"
)

// TestI10Callers: some webhooks are refused before their body is read: those of an unknown app or
// channel, those with a malformed signature, and those with a wrong token.
func TestI10Callers(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	any64 := strings.Repeat("0", 64)
	for _, c := range []struct {
		name, app, signature string
		want                 error
	}{
		{"plausible signature", "main", "sha256=" + any64, nil},
		{"no signature", "main", "", webhook.ErrUnauthorized},
		{"other algorithm", "main", "sha1=" + any64, webhook.ErrUnauthorized},
		{"too short", "main", "sha256=" + any64[2:], webhook.ErrUnauthorized},
		{"not hexadecimal", "main", "sha256=" + any64[1:] + "x", webhook.ErrUnauthorized},
		{"unknown app", "none", "sha256=" + any64, webhook.ErrUnknown},
	} {
		if err := h.MetaCaller(c.app, c.signature); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	for _, c := range []struct {
		name    string
		channel followup.ChannelID
		token   string
		want    error
	}{
		{"current token", gupSales, "cb-unit", nil},
		{"wrong token", gupSales, "cb-unit2", webhook.ErrUnauthorized},
		{"no token", gupSales, "", webhook.ErrUnauthorized},
		{"a Meta channel", metaSales, "cb-unit", webhook.ErrUnknown},
		{"unknown channel", "nobody", "cb-unit", webhook.ErrUnknown},
	} {
		if err := h.GupshupCaller(c.channel, c.token); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}
