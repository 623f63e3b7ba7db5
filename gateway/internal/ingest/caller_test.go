package ingest

import (
	"errors"
	"strings"
	"testing"

	"wagate/followup"
	"wagate/gateway/internal/webhook"
)

// TestI10Callers: what shows to be nobody's before there is a body.
func TestI10Callers(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	any64 := strings.Repeat("0", 64)
	for _, c := range []struct {
		name, app, signature string
		want                 error
	}{
		{"could be", "main", "sha256=" + any64, nil},
		{"no signature", "main", "", webhook.ErrUnauthorized},
		{"another kind", "main", "sha1=" + any64, webhook.ErrUnauthorized},
		{"too short", "main", "sha256=" + any64[2:], webhook.ErrUnauthorized},
		{"no hexadecimal", "main", "sha256=" + any64[1:] + "x", webhook.ErrUnauthorized},
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
		{"fits", gupSales, "cb-unit", nil},
		{"wrong", gupSales, "cb-unit2", webhook.ErrUnauthorized},
		{"none", gupSales, "", webhook.ErrUnauthorized},
		{"a Meta channel", metaSales, "cb-unit", webhook.ErrUnknown},
		{"unknown", "nobody", "cb-unit", webhook.ErrUnknown},
	} {
		if err := h.GupshupCaller(c.channel, c.token); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}
