package app

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"wagate/config"
	"wagate/providers/providertest"
)

// rotating is an operator file in which every secret that may be a list has a new and an old value.
const rotating = `
sandbox: true
redis: {url: ""}
admin_token: [new-admin, old-admin]
ai: {base_url: "http://127.0.0.1:9", model: small}
meta_apps: [{key: main, app_secret: [new-app, old-app], verify_token: [new-verify, old-verify]}]
tenants:
  - id: 11111111-1111-4111-8111-111111111111
    name: Acme
    api_keys: key-1
    crm_secret: [new-crm, old-crm]
    assistants:
      - {id: 22222222-2222-4222-8222-222222222222, name: Sales, url: "http://127.0.0.1:9", secret: shh}
    channels:
      - {id: 44444444-4444-4444-8444-444444444444, name: Two, provider: gupshup, app_id: ga, app_name: GA, source: "15550100001",
         api_key: gk, callback_token: [new-callback, old-callback], assistant_id: 22222222-2222-4222-8222-222222222222}
`

// TestI10EverySecretOfRotationIsAccepted: while a secret is rotated, the new and the old one are
// accepted, and no other.
func TestI10EverySecretOfRotationIsAccepted(t *testing.T) {
	t.Parallel()
	cfg, err := config.Parse([]byte(rotating), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.redis.close() })

	const (
		callback = `{"app":"GA","type":"sandbox-start","payload":{}}`
		event    = `{"entry":[]}`
		lead     = `{"event":"other","timestamp":"2026-01-01T00:00:00Z","data":{}}`
	)
	for _, c := range []struct {
		name, list string
		to         *fiber.App
		refused    int
		request    func(secret string) *http.Request
	}{
		{"handshake", "verify", a.public, http.StatusForbidden, func(s string) *http.Request {
			return httptest.NewRequest(http.MethodGet, "/webhooks/meta/main?hub.mode=subscribe&hub.challenge=1&hub.verify_token="+s, nil)
		}},
		{"webhook", "app", a.public, http.StatusUnauthorized, func(s string) *http.Request {
			r := httptest.NewRequest(http.MethodPost, "/webhooks/meta/main", strings.NewReader(event))
			r.Header.Set("X-Hub-Signature-256", providertest.Sign(s, []byte(event)))
			return r
		}},
		{"callback", "callback", a.public, http.StatusUnauthorized, func(s string) *http.Request {
			r := httptest.NewRequest(http.MethodPost, "/webhooks/gupshup/44444444-4444-4444-8444-444444444444", strings.NewReader(callback))
			r.Header.Set("X-Callback-Token", s)
			return r
		}},
		{"CRM", "crm", a.public, http.StatusUnauthorized, func(s string) *http.Request {
			r := httptest.NewRequest(http.MethodPost, "/webhooks/crm/11111111-1111-4111-8111-111111111111", strings.NewReader(lead))
			r.Header.Set("X-Leavo-Signature", strings.TrimPrefix(providertest.Sign(s, []byte(lead)), "sha256="))
			return r
		}},
		{"operator", "admin", a.admin, http.StatusUnauthorized, func(s string) *http.Request {
			r := httptest.NewRequest(http.MethodGet, "/api/dead", nil)
			r.Header.Set("Authorization", "Bearer "+s)
			return r
		}},
	} {
		for which, want := range map[string]int{"new-": http.StatusOK, "old-": http.StatusOK, "older-": c.refused} {
			res, err := c.to.Test(c.request(which+c.list), -1)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != want {
				t.Errorf("%s with %s: got %d, want %d", c.name, which+c.list, res.StatusCode, want)
			}
		}
	}
}
