package app

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"wagate/config"
	"wagate/providers/meta"
	"wagate/providers/providertest"
)

// patience bounds every wait of a test for something that must happen.
const patience = 2 * time.Minute

// rawAssistant is an operator file with a Meta channel whose assistant has the format raw.
const rawAssistant = `
sandbox: true
redis: {url: ""}
ai: {base_url: "http://127.0.0.1:9", model: small}
meta_apps: [{key: main, app_secret: app-secret, verify_token: verify}]
tenants:
  - id: 11111111-1111-4111-8111-111111111111
    name: Acme
    api_keys: key-1
    assistants:
      - {id: 22222222-2222-4222-8222-222222222222, name: Sales, url: "${ASSISTANT}", secret: bot-secret, format: raw}
    channels:
      - {id: 33333333-3333-4333-8333-333333333333, name: One, provider: meta, app: main, phone_number_id: "1001", waba_id: "2001",
         access_token: tok, assistant_id: 22222222-2222-4222-8222-222222222222}
`

// TestRawFromEdgeToAssistant: an assistant with the format raw gets Meta's body unchanged, so
// Meta's signature is still valid; ours is valid too. A webhook with events of several leads is
// narrowed to one lead per delivery and has no signature of Meta's.
func TestRawFromEdgeToAssistant(t *testing.T) {
	t.Parallel()
	type request struct {
		header http.Header
		body   []byte
	}
	got := make(chan request, 2)
	assistant := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- request{r.Header.Clone(), body}
	}))
	t.Cleanup(assistant.Close)
	cfg, err := config.Parse([]byte(rawAssistant), func(string) (string, bool) { return assistant.URL, true })
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	a.relay.Start()
	t.Cleanup(func() {
		_ = a.relay.Stop(t.Context())
		_ = a.redis.close()
	})

	message := func(from string) string {
		return `{"from":"` + from + `","id":"wamid.` + from + `","timestamp":"1790000001","type":"text","text":{"body":"ol\u00e1 \/"}}`
	}
	post := func(messages string) string {
		body := "{ \"object\":\"whatsapp_business_account\",\n\"entry\":[{\"id\":\"2001\",\"changes\":[{\"field\":\"messages\",\"value\":" +
			`{"messaging_product":"whatsapp","metadata":{"phone_number_id":"1001"},"messages":[` + messages + `]}}]}]}` + "\n"
		r := httptest.NewRequest(http.MethodPost, "/webhooks/meta/main", strings.NewReader(body))
		r.Header.Set(meta.SignatureHeader, providertest.Sign("app-secret", []byte(body)))
		r.Header.Set("User-Agent", "facebookexternalua")
		r.Header.Set("Cookie", "a=b")
		res, err := a.public.Test(r, -1)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("webhook: got %d, want 200", res.StatusCode)
		}
		return body
	}
	next := func() request {
		t.Helper()
		select {
		case r := <-got:
			hook, err := standardwebhooks.NewWebhookRaw([]byte("bot-secret"))
			if err != nil {
				t.Fatal(err)
			}
			if err := hook.Verify(r.body, r.header); err != nil {
				t.Errorf("Standard Webhooks: %v", err)
			}
			if ua, cookie := r.header.Get("User-Agent"), r.header.Get("Cookie"); ua != "facebookexternalua" || cookie != "" {
				t.Errorf("got user agent %q and cookie %q, want Meta's user agent and no cookie", ua, cookie)
			}
			return r
		case <-time.After(patience):
			t.Fatalf("got no delivery within %v, want one", patience)
			return request{}
		}
	}

	body := post(message("15550100001"))
	r := next()
	if string(r.body) != body || r.header.Get("X-Wagate-Format") != "raw" {
		t.Errorf("got format %s, body %q, want raw, %q", r.header.Get("X-Wagate-Format"), r.body, body)
	}
	if !meta.VerifySignature([]string{"app-secret"}, r.header.Get(meta.SignatureHeader), r.body) {
		t.Error("Meta's signature: got an invalid one, want it valid")
	}

	post(message("15550100002") + "," + message("15550100003"))
	for range 2 {
		r := next()
		if n := strings.Count(string(r.body), `"from"`); n != 1 || r.header.Get("X-Wagate-Format") != "raw-narrowed" {
			t.Errorf("got format %s with %d messages, want raw-narrowed with 1", r.header.Get("X-Wagate-Format"), n)
		}
		if sig := r.header.Get(meta.SignatureHeader); sig != "" {
			t.Errorf("got signature %s, want none, as it would not be valid", sig)
		}
	}
}
