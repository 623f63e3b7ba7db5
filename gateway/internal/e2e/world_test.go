package e2e

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wagate/followup/redisstore/redistest"
	"wagate/followup/writer/modeltest"
	"wagate/providers/providertest"
)

// Acme has two channels, one at each provider, and one assistant for both. Beta has one channel, in
// another Meta app.
const (
	acme      = "10000000-0000-4000-8000-000000000001"
	acmeKey   = "acme-api-key-0001"
	acmeCRM   = "acme-crm-secret"
	sales     = "10000000-0000-4000-8000-0000000000a1"
	onMeta    = "10000000-0000-4000-8000-0000000000c1"
	onGupshup = "10000000-0000-4000-8000-0000000000c2"
	beta      = "20000000-0000-4000-8000-000000000002"
	betaKey   = "beta-api-key-0002"
	support   = "20000000-0000-4000-8000-0000000000a2"
	betaMeta  = "20000000-0000-4000-8000-0000000000c3"

	numberAcme = "400000000000001" // phone number ids
	numberBeta = "400000000000002"
	waba       = "300000000000001"
	metaToken  = "acme-meta-access-token"
	appSecret  = "main-app-secret"
	betaSecret = "second-app-secret"

	gsApp    = "gupshup_app_12345"
	gsName   = "AcmeCare"
	gsSource = "15550100009"
	gsKey    = "acme-gupshup-key"
	gsToken  = "acme-callback-token"

	salesSecret   = "sales-signing-secret"
	supportSecret = "support-signing-secret"

	hot  = "10000000-0000-4000-8000-0000000000b1" // a status that triggers
	warm = "10000000-0000-4000-8000-0000000000b2" // another one that triggers
	cold = "10000000-0000-4000-8000-0000000000b3" // one that does not trigger
)

// setup is what a test may set. The zero value is good for most tests: its time-outs are so long
// that a busy machine does not reach them.
type setup struct {
	speed      float64       // of the domain clock; default 1
	durability string        // default always
	partitions int           // default 8
	redisURL   string        // default: a server started for the test
	ai         time.Duration // the time-out of a request to the model
	send       time.Duration // of a provider call
	relay      time.Duration // of a delivery; by default each is the longest allowed
	graph      func(*providertest.GraphParams)
	gupshup    func(*providertest.GupshupOptions)
	file       func(map[string]any) // changes the operator's file before it is written
}

// world is everything around the processes of a test.
type world struct {
	t         *testing.T
	redis     *redistest.Server // nil if the test has its own
	graph     *providertest.Graph
	gupshup   *providertest.Gupshup
	model     *modeltest.Server
	gate      gate
	sales     *assistant
	support   *assistant
	setup     setup
	file      string
	processes []*process
	speed     float64
}

// gate holds the model's answers back while it is closed.
type gate struct {
	mu   sync.Mutex
	held chan struct{}
}

// hold makes the model hold back its answers until the returned function is called.
func (w *world) hold() (release func()) {
	held := make(chan struct{})
	w.gate.mu.Lock()
	w.gate.held = held
	w.gate.mu.Unlock()
	var once sync.Once
	release = func() {
		once.Do(func() {
			w.gate.mu.Lock()
			w.gate.held = nil
			w.gate.mu.Unlock()
			close(held)
		})
	}
	w.t.Cleanup(release)
	return release
}

// pass lets the model answer new requests. It goes on holding back the answers that it holds.
func (w *world) pass() {
	w.gate.mu.Lock()
	defer w.gate.mu.Unlock()
	w.gate.held = nil
}

// write is the model: it writes a new text for each request.
func (w *world) write(modeltest.Request) modeltest.Answer {
	w.gate.mu.Lock()
	held := w.gate.held
	w.gate.mu.Unlock()
	return modeltest.Answer{Text: "Olá! " + rand.Text()[:9] + " " + rand.Text()[:9] + " " + rand.Text()[:9] + "?", Hold: held}
}

// newWorld starts Redis, the fake providers, the model and the assistants, and writes the
// operator's file.
func newWorld(t *testing.T, s setup) *world {
	t.Helper()
	w := &world{t: t, speed: cmp.Or(s.speed, 1)}
	if s.redisURL == "" {
		w.redis = redistest.Start(t, redistest.TCP(), redistest.AOF("always"))
		s.redisURL = w.redis.URL()
	}
	g := providertest.GraphParams{
		WABA: waba, AppSecret: appSecret,
		Numbers: []providertest.GraphNumber{{ID: numberAcme, Display: "15550100001"}, {ID: numberBeta, Display: "15550100002"}},
		Templates: []providertest.GraphTemplate{
			{Name: "reengagement_v1", Language: "en", Category: "UTILITY", Body: "Hi {{1}}, this is {{2}}."},
		},
		// Meta retries for days. Here the retries last until Redis or the process is back.
		Backoff: func(attempt int) (time.Duration, bool) { return 100 * time.Millisecond, attempt < 600 },
	}
	if s.graph != nil {
		s.graph(&g)
	}
	gs := providertest.GupshupOptions{
		AppID: gsApp, AppName: gsName, Source: gsSource, APIKey: gsKey, CallbackToken: gsToken, Attempts: 600,
		RetryEvery: 100 * time.Millisecond,
		Templates: []providertest.GupshupTemplate{{
			ID: "7b1e6f0a-0000-4000-8000-00000000000e", Name: "reengagement_v1", Language: "en", Category: "UTILITY",
			Type: "TEXT", Status: "APPROVED", Body: "Hi {{1}}, this is {{2}}.",
		}},
	}
	if s.gupshup != nil {
		s.gupshup(&gs)
	}
	var err error
	if w.graph, err = providertest.NewGraph(g); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.graph.Close() })
	if w.gupshup, err = providertest.NewGupshup(gs); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.gupshup.Close() })
	if w.model, err = modeltest.Start(w.write); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.model.Close() })
	w.sales, w.support = newAssistant(t, salesSecret), newAssistant(t, supportSecret)
	w.setup = s
	w.writeFile(s)
	return w
}

// writeFile writes the operator's file, as JSON, which is YAML too.
func (w *world) writeFile(s setup) {
	w.t.Helper()
	file := w.operatorFile(s)
	if s.file != nil {
		s.file(file)
	}
	raw, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		w.t.Fatal(err)
	}
	w.file = filepath.Join(w.t.TempDir(), "wagate.yaml")
	if err := os.WriteFile(w.file, raw, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// useDefaultTimeouts writes the operator's file again with the default time-outs. Processes that
// start later use them.
func (w *world) useDefaultTimeouts() {
	w.t.Helper()
	s := w.setup
	s.ai, s.send, s.relay = 0, 0, 0
	w.writeFile(s)
}

// object is a JSON object.
type object = map[string]any

// operatorFile returns the content of the operator's file.
func (w *world) operatorFile(s setup) object {
	return object{
		"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "sandbox": true,
		"clock":    object{"speed": w.speed},
		"redis":    object{"url": s.redisURL, "durability": cmp.Or(s.durability, "always"), "partitions": cmp.Or(s.partitions, 8)},
		"graph":    object{"base_url": w.graph.URL(), "version": "v26.0"},
		"gupshup":  object{"base_url": w.gupshup.URL(), "partner_base_url": w.gupshup.URL()},
		"ai":       object{"base_url": w.model.URL(), "api_key": "model-key", "model": "invented-1", "timeout": cmp.Or(s.ai, time.Minute).String()},
		"send":     object{"timeout": cmp.Or(s.send, 15*time.Second).String()},
		"relay":    object{"timeout": cmp.Or(s.relay, time.Minute).String()},
		"followup": object{"max_lateness": "720h"},
		"meta_apps": []any{
			object{"key": "main", "app_secret": appSecret, "verify_token": "verify-me"},
			object{"key": "second", "app_secret": betaSecret, "verify_token": "verify-me-too"},
		},
		"tenants": []any{
			object{
				"id": acme, "name": "Acme", "api_keys": []any{acmeKey}, "crm_secret": acmeCRM,
				"assistants": []any{object{
					"id": sales, "name": "Sales", "url": w.sales.url(), "secret": salesSecret,
					"instructions": "You sell garden furniture. Be brief.",
				}},
				"channels": []any{
					object{
						"id": onMeta, "name": "WhatsApp Business", "provider": "meta", "app": "main", "phone_number_id": numberAcme,
						"waba_id": waba, "access_token": metaToken, "assistant_id": sales,
					},
					object{
						"id": onGupshup, "name": "Second", "provider": "gupshup", "app_id": gsApp, "app_name": gsName,
						"source": gsSource, "api_key": gsKey, "callback_token": gsToken, "assistant_id": sales,
					},
				},
			},
			object{
				"id": beta, "name": "Beta", "api_keys": []any{betaKey},
				"assistants": []any{object{"id": support, "name": "Support", "url": w.support.url(), "secret": supportSecret}},
				"channels": []any{object{
					"id": betaMeta, "name": "Beta", "provider": "meta", "app": "second", "phone_number_id": numberBeta,
					"waba_id": "300000000000002", "access_token": "beta-meta-access-token", "assistant_id": support,
				}},
			},
		},
	}
}

// callbackTo has the providers send their webhooks to a process.
func (w *world) callbackTo(p *process) {
	w.processes = append(w.processes, p)
	w.graph.SetCallbackURL(p.public + "/webhooks/meta/main")
	w.gupshup.SetCallbackURL(p.public + "/webhooks/gupshup/" + onGupshup)
}

// user returns a WhatsApp user with a phone.
func user(phone string) providertest.GraphUser {
	return providertest.GraphUser{Phone: phone, Name: "Ada Prado"}
}

// says posts a text of a user to Acme's Meta channel, and returns its id once it was acknowledged.
func (w *world) says(from providertest.GraphUser, text string) string {
	w.t.Helper()
	ids, err := w.graph.Inbound(w.t.Context(), providertest.GraphText(from, text))
	if err != nil {
		w.t.Fatalf("inbound: %v", err)
	}
	return ids[0]
}

// saysGupshup does the same on Acme's Gupshup channel.
func (w *world) saysGupshup(phone, text string) string {
	w.t.Helper()
	in := providertest.GupshupText(phone, text)
	in.Name = "Ada Prado"
	id := w.gupshup.Receive(in)
	if err := w.gupshup.WaitIdle(w.t.Context()); err != nil {
		w.t.Fatalf("inbound: %v", err)
	}
	return id
}

// sentTo returns the messages to a phone or BSUID that the fake Graph API accepted.
func (w *world) sentTo(to string) []providertest.GraphSend {
	var out []providertest.GraphSend
	for _, s := range w.graph.Sends() {
		if s.To == to {
			out = append(out, s)
		}
	}
	return out
}

// sentByGupshup returns the messages to a phone that the fake Gupshup accepted.
func (w *world) sentByGupshup(to string) []providertest.GupshupSend {
	var out []providertest.GupshupSend
	for _, s := range w.gupshup.Sends() {
		if s.To == to {
			out = append(out, s)
		}
	}
	return out
}

// handed returns how many messages to a phone were handed to the fake Graph API, accepted or not.
func (w *world) handed(to string) int {
	n := 0
	for _, r := range w.graph.Requests() {
		if strings.HasSuffix(r.Path, "/messages") && strings.Contains(string(r.Body), to) {
			n++
		}
	}
	return n
}
