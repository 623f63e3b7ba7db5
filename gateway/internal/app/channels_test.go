package app

import (
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"wagate/config"
	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/relay"
	"wagate/providers"
)

// twoAssistants is an operator file with two assistants that differ in all that the roster keeps.
const twoAssistants = `
sandbox: true
redis: {url: ""}
ai: {base_url: "http://127.0.0.1:9", model: small}
tenants:
  - id: 11111111-1111-4111-8111-111111111111
    name: Acme
    api_keys: key-1
    assistants:
      - {id: 22222222-2222-4222-8222-222222222222, name: Sales, url: "http://127.0.0.1:9/a?b=c", secret: [new, old], history: true, format: raw}
      - {id: 33333333-3333-4333-8333-333333333333, name: Help, url: "http://127.0.0.1:9/d", secret: shh}
`

// oneAccount is an operator file with three Meta channels on one account, the third bound to
// another app, and a Gupshup channel.
const oneAccount = `
sandbox: true
redis: {url: ""}
ai: {base_url: "http://127.0.0.1:9", model: small}
meta_apps:
  - {key: main, app_secret: a, verify_token: b}
  - {key: second, app_secret: c, verify_token: d}
tenants:
  - id: 11111111-1111-4111-8111-111111111111
    name: Acme
    api_keys: key-1
    assistants:
      - {id: 22222222-2222-4222-8222-222222222222, name: Sales, url: "http://127.0.0.1:9/a", secret: shh}
    channels:
      - {id: c0000000-0000-4000-8000-000000000001, name: A, provider: meta, app: main, phone_number_id: "1", waba_id: "9", access_token: t, assistant_id: 22222222-2222-4222-8222-222222222222}
      - {id: c0000000-0000-4000-8000-000000000002, name: B, provider: meta, app: main, phone_number_id: "2", waba_id: "9", access_token: t, assistant_id: 22222222-2222-4222-8222-222222222222}
      - {id: c0000000-0000-4000-8000-000000000003, name: C, provider: meta, app: second, phone_number_id: "3", waba_id: "9", access_token: t, assistant_id: 22222222-2222-4222-8222-222222222222}
      - {id: c0000000-0000-4000-8000-000000000004, name: D, provider: gupshup, app_id: "9", app_name: n, source: "15550100009", api_key: k, callback_token: x, assistant_id: 22222222-2222-4222-8222-222222222222}
`

// TestI10TemplateAccounts: a webhook about an account's templates counts for every channel on the
// account that is bound to the app that signed it, and for no other channel.
func TestI10TemplateAccounts(t *testing.T) {
	t.Parallel()
	cfg, err := config.Parse([]byte(oneAccount), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRoster(cfg)
	if err != nil {
		t.Fatal(err)
	}
	channel := func(i int) followup.Channel { return r.channels[i-1] }
	store := memstore.New()
	at := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	note := r.noteTemplates(store, func() time.Time { return at })
	said := []followup.TemplateSaid{{Change: providers.TemplateChange{Name: "t", Language: "en", Status: "PAUSED"}, At: at}}
	if err := note(t.Context(), channel(1), said); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"PAUSED", "PAUSED", "", ""} {
		n, err := store.TemplateNote(t.Context(), r.templates[channel(i+1).ID].Name, "t", "en")
		if err != nil || n.Status.Word != want {
			t.Errorf("channel %d: got status %q, error %v, want %q", i+1, n.Status.Word, err, want)
		}
	}
}

// TestTemplatesAreForgotten: a Gupshup channel sends templates by Gupshup's ids. It forgets these
// ids when a template changes and when a receipt says that a template was not found. Other channels
// have none to forget.
func TestTemplatesAreForgotten(t *testing.T) {
	t.Parallel()
	cfg, err := config.Parse([]byte(oneAccount), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRoster(cfg)
	if err != nil {
		t.Fatal(err)
	}
	byMeta, byGupshup := r.channels[0], r.channels[3]
	if len(r.forget) != 1 || r.forget[byGupshup.ID] == nil {
		t.Fatalf("got %d channels that forget template ids, want only the Gupshup channel", len(r.forget))
	}
	forgot := 0
	r.forget[byGupshup.ID] = func() { forgot++ }
	for code, want := range map[int]int{1005: 1, 4003: 1, 4005: 1, 132001: 1, 131047: 0, 132000: 0, 0: 0} {
		forgot = 0
		told := 0
		failed := r.failed(func(c followup.ChannelID, why *providers.Error) {
			if told++; why.Code != code {
				t.Errorf("channel %s: got code %d passed on, want %d", c, why.Code, code)
			}
		})
		for _, c := range []followup.Channel{byMeta, byGupshup} {
			failed(c.ID, &providers.Error{Code: code})
		}
		if forgot != want || told != 2 {
			t.Errorf("after a receipt with code %d: got ids forgotten %d times and passed on %d times, want %d and 2", code, forgot, told, want)
		}
	}
	forgot = 0
	note := r.noteTemplates(memstore.New(), time.Now)
	for _, of := range []followup.Channel{byMeta, byGupshup} {
		if err := note(t.Context(), of, nil); err != nil {
			t.Fatal(err)
		}
	}
	if forgot != 1 {
		t.Errorf("after a change: got ids forgotten %d times, want once", forgot)
	}
}

// TestPacingOfChannels: a channel's rate is the one that its provider documents.
func TestPacingOfChannels(t *testing.T) {
	t.Parallel()
	v3 := strings.Replace(oneAccount, "api_key: k,", "api: v3, partner_token: p, api_key: k,", 1)
	for file, want := range map[string][]float64{oneAccount: {80, 80, 80, 20}, v3: {80, 80, 80, 10}} {
		cfg, err := config.Parse([]byte(file), func(string) (string, bool) { return "", false })
		if err != nil {
			t.Fatal(err)
		}
		r, err := newRoster(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range r.lines {
			if l.PerSecond != want[i] || float64(l.Burst) != want[i] {
				t.Errorf("channel %s: got %v a second and a burst of %d, want %v for both", l.Name, l.PerSecond, l.Burst, want[i])
			}
		}
	}
}

// TestRosterOfAssistants: the roster has what the operator file says of each assistant.
func TestRosterOfAssistants(t *testing.T) {
	t.Parallel()
	cfg, err := config.Parse([]byte(twoAssistants), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRoster(cfg)
	if err != nil {
		t.Fatal(err)
	}
	const sales, help followup.AssistantID = "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"
	want := map[followup.AssistantID]relay.Endpoint{
		sales: {URL: "http://127.0.0.1:9/a?b=c", Secrets: []string{"new", "old"}},
		help:  {URL: "http://127.0.0.1:9/d", Secrets: []string{"shh"}},
	}
	if !reflect.DeepEqual(r.endpoints, want) {
		t.Errorf("got endpoints %v, want %v", r.endpoints, want)
	}
	for name, got := range map[string]map[followup.AssistantID]bool{"history": r.history, "raw": r.raw} {
		if want := map[followup.AssistantID]bool{sales: true}; !maps.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}
