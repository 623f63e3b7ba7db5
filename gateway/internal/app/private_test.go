package app

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wagate/config"
	"wagate/providers/meta"
	"wagate/providers/providertest"
)

// TestPrivateTargetsNeedPermission: an assistant at a private address is reached only if the
// operator file allows it. Otherwise no connection to it is made.
func TestPrivateTargetsNeedPermission(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sandbox, allow bool
		outcome        string
		hits           int32
	}{
		"not allowed":   {false, false, "retried", 0},
		"allow_private": {false, true, "delivered", 1},
		"sandbox":       {true, false, "delivered", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var hits atomic.Int32
			assistant := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
			t.Cleanup(assistant.Close)
			cfg, err := config.Parse([]byte(rawAssistant), func(string) (string, bool) { return assistant.URL, true })
			if err != nil {
				t.Fatal(err)
			}
			// Set after the file was read, as if the name had resolved to a public address then.
			cfg.Sandbox, cfg.Relay.AllowPrivate = c.sandbox, c.allow
			a := &App{cfg: cfg, log: slog.New(slog.DiscardHandler), registry: prometheus.NewRegistry()}
			if err := a.assemble(t.Context()); err != nil {
				t.Fatal(err)
			}
			a.relay.Start()
			t.Cleanup(func() {
				_ = a.relay.Stop(t.Context())
				_ = a.redis.close()
			})
			body := `{"object":"whatsapp_business_account","entry":[{"id":"2001","changes":[{"field":"messages","value":{"messaging_product":"whatsapp",` +
				`"metadata":{"phone_number_id":"1001"},"messages":[{"from":"15550100001","id":"wamid.1","timestamp":"1790000001","type":"text","text":{"body":"hi"}}]}}]}]}`
			r := httptest.NewRequest(http.MethodPost, "/webhooks/meta/main", strings.NewReader(body))
			r.Header.Set(meta.SignatureHeader, providertest.Sign("app-secret", []byte(body)))
			res, err := a.public.Test(r, -1)
			if err != nil || res.StatusCode != http.StatusOK || res.Body.Close() != nil {
				t.Fatalf("webhook: got %+v, %v, want 200", res, err)
			}
			tick, late := time.NewTicker(10*time.Millisecond), time.After(patience)
			defer tick.Stop()
			for outcomes(t, a)[c.outcome] == 0 {
				select {
				case <-tick.C:
				case <-late:
					t.Fatalf("outcomes: got %v, want one %s", outcomes(t, a), c.outcome)
				}
			}
			if got := hits.Load(); got != c.hits {
				t.Errorf("requests to the assistant: got %d, want %d", got, c.hits)
			}
		})
	}
}

// outcomes returns how many deliveries ended with each outcome, from the metrics.
func outcomes(t *testing.T, a *App) map[string]float64 {
	t.Helper()
	families, err := a.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "wagate_relay_deliveries_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			got[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
		}
	}
	return got
}
