package webhook_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"wagate/gateway/internal/webhook"
)

// TestI10PassedHeaders: only the listed headers of a webhook are passed on, whatever the provider
// sends. With a part of a webhook the signatures are left out, because they would not fit.
func TestI10PassedHeaders(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	for name, value := range map[string]string{
		"Content-Type": "application/json; charset=utf-8", "User-Agent": "facebookexternalua", "Accept": "*/*",
		"X-Hub-Signature-256": "sha256=00", "X-Hub-Signature": "sha1=00",
		"X-Callback-Token": "secret", "Authorization": "Bearer secret", "Cookie": "secret", "Proxy-Authorization": "secret",
		"X-Leavo-Signature": "secret", "X-Forwarded-For": "192.0.2.1", "Content-Length": "2", "Content-Encoding": "identity",
		"Webhook-Id": "forged", "Webhook-Signature": "forged", "X-Wagate-Lead-Id": "forged", "Idempotency-Key": "forged",
	} {
		h.Set(name, value)
	}
	want := map[string]string{
		"Content-Type": "application/json; charset=utf-8", "User-Agent": "facebookexternalua",
		"X-Hub-Signature-256": "sha256=00", "X-Hub-Signature": "sha1=00",
	}
	whole, part := webhook.Header(h.Get).Pass()
	if !maps.Equal(whole, want) {
		t.Errorf("with the whole webhook: got %v, want %v", whole, want)
	}
	delete(want, "X-Hub-Signature-256")
	delete(want, "X-Hub-Signature")
	if !maps.Equal(part, want) {
		t.Errorf("with a part of it: got %v, want %v", part, want)
	}
}

// TestPassedHeadersAreValid: a header is passed on only if its value is printable ASCII of 1 to 512
// characters.
func TestPassedHeadersAreValid(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"an agent/1.0 (~)": true, "": false, "a\r\nCookie: x": false, "a\x00": false, "ol\xc3\xa1": false, "\x7f": false,
		strings.Repeat("x", 512): true, strings.Repeat("x", 513): false,
	} {
		got, _ := webhook.Header(func(name string) string {
			if name == "User-Agent" {
				return value
			}
			return ""
		}).Pass()
		if _, ok := got["User-Agent"]; ok != want || len(got) > 1 {
			t.Errorf("%.20q: got %v, want User-Agent passed on: %v", value, got, want)
		}
	}
}
