package app

import (
	"maps"
	"reflect"
	"testing"

	"wagate/config"
	"wagate/followup"
	"wagate/gateway/internal/relay"
)

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

// TestRosterOfAssistants: what the file says of an assistant reaches whoever
// works for it.
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
