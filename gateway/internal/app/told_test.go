package app

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wagate/config"
	"wagate/providers/meta"
	"wagate/providers/providertest"
)

// oneAssistant is an operator file with one Meta channel and its assistant, and a fast clock.
const oneAssistant = `
sandbox: true
clock: {speed: 3600} # half an hour in half a second
redis: {url: ""}
followup: {max_lateness: 720h} # a machine may be busy
graph: {base_url: "${GRAPH}"}
ai: {base_url: "http://127.0.0.1:9", model: small}
meta_apps: [{key: main, app_secret: app-secret, verify_token: verify}]
tenants:
  - id: 11111111-1111-4111-8111-111111111111
    name: Acme
    api_keys: key-1
    assistants:
      - {id: 22222222-2222-4222-8222-222222222222, name: Sales, url: "${ASSISTANT}", secret: bot-secret}
    channels:
      - {id: 33333333-3333-4333-8333-333333333333, name: One, provider: meta, app: main, phone_number_id: "400000000000001",
         waba_id: "300000000000001", access_token: tok, assistant_id: 22222222-2222-4222-8222-222222222222}
`

// harness is a service whose relay does not poll within the test, with a simulated Graph and an
// assistant.
type harness struct {
	*testing.T
	app   *App
	graph *providertest.Graph
	heard chan string // what the assistant was told; see listen
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	h := &harness{T: t, heard: make(chan string, 100)}
	assistant := httptest.NewServer(http.HandlerFunc(h.listen))
	t.Cleanup(assistant.Close)
	var err error
	if h.graph, err = providertest.NewGraph(providertest.GraphParams{
		Templates: []providertest.GraphTemplate{{Name: "ask", Language: "pt_BR"}},
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.graph.Close() })
	cfg, err := config.Parse([]byte(oneAssistant), func(name string) (string, bool) {
		return map[string]string{"GRAPH": h.graph.URL(), "ASSISTANT": assistant.URL}[name], true
	})
	if err != nil {
		t.Fatal(err)
	}
	h.app = &App{cfg: cfg, log: slog.New(slog.DiscardHandler), registry: prometheus.NewRegistry(), poll: time.Hour}
	if err := h.app.assemble(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.app.runner.Start()
	h.app.relay.Start()
	t.Cleanup(func() {
		_ = h.app.runner.Stop(t.Context())
		_ = h.app.relay.Stop(t.Context())
		_ = h.app.redis.close()
	})
	return h
}

// listen is the assistant. For each change of a delivery it puts into heard the event, outcome and
// reason of a happening, or the field of anything else.
func (h *harness) listen(_ http.ResponseWriter, r *http.Request) {
	var body struct {
		Entry []struct {
			Changes []struct {
				Field string
				Value struct{ Event, Outcome, Reason string }
			}
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		h.Errorf("delivery: %v", err)
	}
	for _, e := range body.Entry {
		for _, c := range e.Changes {
			h.heard <- strings.TrimSpace(strings.Join([]string{cmp.Or(c.Value.Event, c.Field), c.Value.Outcome, c.Value.Reason}, " "))
		}
	}
}

// wantTold checks what the assistant is told next, in this order. Then it waits until the relay
// sleeps, because the end of a delivery makes the relay look for more.
func (h *harness) wantTold(want ...string) {
	h.Helper()
	for _, w := range want {
		select {
		case got := <-h.heard:
			if got != w {
				h.Fatalf("got told %q, want %q", got, w)
			}
		case <-time.After(patience):
			h.Fatalf("got nothing told within %v, want %q", patience, w)
		}
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for h.app.relay.Alive(50 * time.Millisecond) {
		<-tick.C
	}
}

// call sends a request to the service, checks that it succeeds, and returns the id in the answer,
// if there is one.
func (h *harness) call(method, path, body string) string {
	h.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer key-1")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(meta.SignatureHeader, providertest.Sign("app-secret", []byte(body)))
	res, err := h.app.public.Test(r, -1)
	if err != nil {
		h.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(res.Body)
	if res.StatusCode/100 != 2 {
		h.Fatalf("%s %s: got %d %s, want 2xx", method, path, res.StatusCode, text)
	}
	var answer struct{ ID string }
	_ = json.Unmarshal(text, &answer) // an answer without an id leaves it empty
	return answer.ID
}

// TestAssistantsAreToldAtOnce: whatever happens to a run, and whichever part of the service caused
// it, the assistant is told at once and not only at the relay's next poll, which does not come
// here.
func TestAssistantsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	const (
		hot, cold = "5d2f7d5e-6f60-4e0b-9a35-0d5a7f4a1001", "5d2f7d5e-6f60-4e0b-9a35-0d5a7f4a1002"
		day       = `{"interval":"P30D","template_name":"ask"}`  // 12 minutes here
		soon      = `{"interval":"PT30M","template_name":"ask"}` // half a second
		webhook   = "/webhooks/meta/main"
	)
	h := newHarness(t)
	create := func(steps ...string) string {
		t.Helper()
		return h.call("POST", "/backend/followup/configs", fmt.Sprintf(
			`{"assistant_id":"22222222-2222-4222-8222-222222222222","trigger_status_ids":["%s"],"steps":[%s]}`, hot, strings.Join(steps, ",")))
	}
	lead := h.call("POST", "/backend/leads", `{"name":"Ana","phone":"15550100777"}`)
	turns := func(status string) {
		t.Helper()
		h.call("PUT", "/backend/leads/"+lead, fmt.Sprintf(`{"status_id":"%s"}`, status))
	}
	start := func() string {
		t.Helper()
		return h.call("POST", "/backend/followup/runs", fmt.Sprintf(
			`{"lead_id":"%s","assistant_id":"22222222-2222-4222-8222-222222222222"}`, lead))
	}

	// The leads API.
	c := create(day)
	h.call("PUT", "/backend/leads/"+lead, `{"assistant_id":"22222222-2222-4222-8222-222222222222"}`)
	turns(hot)
	h.wantTold("scheduled")
	turns(cold)
	h.wantTold("cancelled cancelled status_left")
	turns(hot)
	h.wantTold("scheduled")
	h.call("PUT", "/backend/leads/"+lead, `{"opted_out":true}`)
	h.wantTold("cancelled cancelled opted_out")
	h.call("PUT", "/backend/leads/"+lead, `{"opted_out":false}`)

	// The runs API.
	start()
	h.wantTold("scheduled")
	run := start()
	h.wantTold("cancelled cancelled restarted", "scheduled")
	h.call("POST", "/backend/followup/runs/"+run+"/cancel", "")
	h.wantTold("cancelled cancelled api")

	// The configs API.
	start()
	h.wantTold("scheduled")
	h.call("PUT", "/backend/followup/configs/"+c, `{"is_active":false}`)
	h.wantTold("cancelled cancelled config_inactive")
	h.call("PUT", "/backend/followup/configs/"+c, `{"is_active":true}`)
	start()
	h.wantTold("scheduled")
	h.call("DELETE", "/backend/followup/configs/"+c, "")
	h.wantTold("cancelled cancelled config_deleted")

	// A webhook.
	c = create(day)
	start()
	h.wantTold("scheduled")
	body, err := h.graph.InboundBody(providertest.GraphText(providertest.GraphUser{Phone: "15550100777"}, "hi"))
	if err != nil {
		t.Fatal(err)
	}
	h.call("POST", webhook, string(body))
	h.wantTold("messages", "replied cancelled replied")

	// The send API: a receipt arrives before the provider's answer.
	start()
	h.wantTold("scheduled")
	h.graph.OnSend(func(s providertest.GraphSend) *providertest.Fault {
		body, err := h.graph.StatusBody(providertest.GraphStatus{ID: s.ID, State: "failed", Code: 131050, To: s.To, Number: s.Number})
		if err != nil {
			t.Error(err)
		}
		h.call("POST", webhook, string(body))
		h.wantTold("messages")
		return nil
	})
	h.call("POST", "/v26.0/400000000000001/messages", `{"messaging_product":"whatsapp","to":"15550100777","type":"template",`+
		`"template":{"name":"ask","language":{"code":"pt_BR"}}}`)
	h.wantTold("cancelled cancelled opted_out")
	h.graph.OnSend(nil)
	h.call("PUT", "/backend/leads/"+lead, `{"opted_out":false}`)
	h.call("DELETE", "/backend/followup/configs/"+c, "")

	// The runner, and a receipt that settles an uncertain step.
	c = create(soon, soon, day)
	h.graph.ScriptFor("15550100777", providertest.Fault{}, providertest.Fault{Reset: true, Accept: true})
	start()
	h.wantTold("scheduled", "sent sent template", "scheduled", "uncertain uncertain no_answer", "scheduled")
	sends := h.graph.Sends()
	body, err = h.graph.StatusBody(providertest.GraphStatus{State: "delivered", ID: sends[len(sends)-1].ID})
	if err != nil {
		t.Fatal(err)
	}
	h.call("POST", webhook, string(body))
	h.wantTold("messages", "settled sent template")
	h.call("DELETE", "/backend/followup/configs/"+c, "")
	h.wantTold("cancelled cancelled config_deleted")
	create(soon)
	h.graph.ScriptFor("15550100777", providertest.Fault{Code: 132001})
	start()
	h.wantTold("scheduled", "failed failed template_rejected", "completed")
}
