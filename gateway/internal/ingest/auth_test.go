package ingest

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/gateway/internal/webhook"
	"wagate/providers"
)

// TestMetaHandshake: the challenge is returned only for one of the app's own verify tokens.
func TestMetaHandshake(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(p *Params) { p.Apps["silent"] = App{Secrets: []string{"s"}} })
	cases := []struct {
		name, app, mode, token string
		want                   error
	}{
		{"current token", "main", "subscribe", "verify-unit", nil},
		{"old token", "main", "subscribe", "verify-unit-old", nil},
		{"another app's token", "main", "subscribe", "verify-other", webhook.ErrForbidden},
		{"prefix of the token", "main", "subscribe", "verify", webhook.ErrForbidden},
		{"no token", "main", "subscribe", "", webhook.ErrForbidden},
		{"other mode", "main", "unsubscribe", "verify-unit", webhook.ErrForbidden},
		{"unknown app", "none", "subscribe", "verify-unit", webhook.ErrUnknown},
		{"app without a token", "silent", "subscribe", "", webhook.ErrForbidden},
	}
	for _, c := range cases {
		got, err := h.MetaHandshake(c.app, c.mode, c.token, "12345")
		if !errors.Is(err, c.want) || (c.want == nil && got != "12345") || (c.want != nil && got != "") {
			t.Errorf("%s: got %q, %v, want %v", c.name, got, err, c.want)
		}
	}
}

// TestI10Signature: a body that is not signed with one of the app's secrets is neither parsed nor
// stored.
func TestI10Signature(t *testing.T) {
	t.Parallel()
	good := messages("n-sales", text("15550100001", "wamid.1", minute(0), "hi"))
	cases := []struct {
		name, app, signature, body string
		want                       error
	}{
		{"current secret", "main", sign("new-unit-secret", good), good, nil},
		{"old secret", "main", sign("old-unit-secret", good), good, nil},
		{"another app's secret", "main", sign("other-unit-secret", good), good, webhook.ErrUnauthorized},
		{"no header", "main", "", good, webhook.ErrUnauthorized},
		{"no prefix", "main", sign("new-unit-secret", good)[7:], good, webhook.ErrUnauthorized},
		{"signed with an empty secret", "empty", sign("", good), good, webhook.ErrUnauthorized},
		{"one byte too many", "main", sign("new-unit-secret", good), good + " ", webhook.ErrUnauthorized},
		{"malformed and unsigned", "main", sign("guess", "{"), "{", webhook.ErrUnauthorized},
		{"malformed and signed", "main", sign("new-unit-secret", "{"), "{", webhook.ErrMalformed},
		{"unknown app", "none", sign("new-unit-secret", good), good, webhook.ErrUnknown},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, func(p *Params) { p.Apps["empty"] = App{Secrets: []string{""}} })
			err := h.Meta(t.Context(), c.app, c.signature, []byte(c.body))
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if n := h.leads(t, tenantA); (n == 1) != (c.want == nil) {
				t.Errorf("got %d leads, want one only if the webhook was accepted", n)
			}
		})
	}
}

// TestI10GupshupToken: a callback is accepted only with one of the channel's tokens.
func TestI10GupshupToken(t *testing.T) {
	t.Parallel()
	body := []byte(gupText("wamid.g1", "15550100001", "hi"))
	cases := []struct {
		name    string
		channel followup.ChannelID
		token   string
		want    error
	}{
		{"current token", gupSales, "cb-unit", nil},
		{"old token", gupSales, "cb-unit-old", nil},
		{"wrong token", gupSales, "cb-unit2", webhook.ErrUnauthorized},
		{"no token", gupSales, "", webhook.ErrUnauthorized},
		{"a Meta channel", metaSales, "cb-unit", webhook.ErrUnknown},
		{"unknown channel", "nobody", "cb-unit", webhook.ErrUnknown},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, nil)
			if err := h.Gupshup(t.Context(), c.channel, c.token, body); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if n := h.leads(t, tenantA); (n == 1) != (c.want == nil) {
				t.Errorf("got %d leads, want one only if the webhook was accepted", n)
			}
		})
	}
}

// TestI10Unbound: an app may sign for its own channels only. Items for other channels are dropped,
// and the rest of the body is settled.
func TestI10Unbound(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	body := envelope(
		entry("messages", "n-other", text("15550100001", "wamid.1", minute(0), "spoofed")),
		entry("messages", "n-nowhere", text("15550100001", "wamid.2", minute(0), "x")),
		entry("messages", "n-sales", text("15550100002", "wamid.3", minute(0), "fine")),
	)
	h.meta(t, body)
	if a, b := h.leads(t, tenantA), h.leads(t, tenantB); a != 1 || b != 0 {
		t.Errorf("got %d leads of A and %d of B, want 1 and 0", a, b)
	}
	if got := h.droppedFor(providers.Meta, dropUnbound); got != 1 {
		t.Errorf("got %v dropped as unbound, want 1", got)
	}
	if got := h.droppedFor(providers.Meta, dropUnknown); got != 1 {
		t.Errorf("got %v dropped for an unknown channel, want 1", got)
	}
	if got := len(h.values(t, other)); got != 0 {
		t.Errorf("got %d events relayed to the other tenant, want none", got)
	}
}

// TestStraysLoggedOncePerHour: items for numbers that the operator's file does not have are
// answered with 200 and dropped. So the log names each such number, once an hour.
func TestStraysLoggedOncePerHour(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	at := now
	h := newHarness(t, func(p *Params) {
		p.Logger, p.Real = slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return at }
	})
	wantLog := func(when string, want ...string) {
		t.Helper()
		lines := strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
		if log.Len() == 0 {
			lines = nil
		}
		log.Reset()
		if len(lines) != len(want) {
			t.Fatalf("%s: got %d lines %q, want %d", when, len(lines), lines, len(want))
		}
		for i, line := range lines {
			if !strings.Contains(line, "level=WARN") || !strings.HasSuffix(line, want[i]) {
				t.Errorf("%s: got %s, want a warning that ends with %s", when, line, want[i])
			}
		}
	}
	for i, number := range []string{"n-nowhere", "n-other", "n-nowhere", "n-sales"} {
		h.meta(t, messages(number, text("15550100001", fmt.Sprint("wamid.", i), minute(0), "x")))
	}
	wantLog("at first", "reason=unknown_channel app=main phone_number_id=n-nowhere waba_id="+waba,
		"reason=unbound app=main phone_number_id=n-other waba_id="+waba)
	h.gupshup(t, gupTextOf("Evil", "wamid.g1", "15550100001", "hi"))
	wantLog("from another Gupshup app", "reason=unbound channel="+string(gupSales))
	at = at.Add(time.Hour)
	h.meta(t, messages("n-nowhere", text("15550100001", "wamid.9", minute(0), "x")))
	wantLog("an hour later", "reason=unknown_channel app=main phone_number_id=n-nowhere waba_id="+waba)
}

// TestI10GupshupApp: a callback that names another Gupshup app than the channel's is dropped.
func TestI10GupshupApp(t *testing.T) {
	t.Parallel()
	v3 := func(app string) string {
		return `{"gs_app_id":"` + app + `",` + messages("410000000000002", text("15550100001", "wamid.g1", minute(0), "hi"))[1:]
	}
	for name, c := range map[string]struct {
		body    string
		dropped bool
	}{
		"v2 ours":            {gupText("wamid.g1", "15550100001", "hi"), false},
		"v2 of another app":  {gupTextOf("Evil", "wamid.g1", "15550100001", "hi"), true},
		"v2 without an app":  {gupTextOf("", "wamid.g1", "15550100001", "hi"), true},
		"v3 ours":            {v3(gupAppID), false},
		"v3 of another app":  {v3("0a1b2c3d-0000-4000-8000-00000000ffff"), true},
		"v3 without an app":  {v3(""), true},
		"v3 number with a +": {replace(v3(gupAppID), "15550142200", "+1 555 014 2200"), false},
		// Numbers of Brazil and Mexico have a digit that may be left out.
		"v3 number with an extra digit":   {replace(v3(gupAppID), "15550142200", "155509142200"), false},
		"v3 of another app on our number": {replace(v3("another-app"), "410000000000002", "15550142200"), true},
	} {
		h := newHarness(t, nil)
		h.gupshup(t, c.body)
		want := 1
		if c.dropped {
			want = 0
		}
		if n := h.leads(t, tenantA); n != want {
			t.Errorf("%s: got %d leads, want %d", name, n, want)
		}
		if got := h.droppedFor(providers.Gupshup, dropUnbound) == 1; got != c.dropped {
			t.Errorf("%s: got dropped %v, want %v", name, got, c.dropped)
		}
	}
}
