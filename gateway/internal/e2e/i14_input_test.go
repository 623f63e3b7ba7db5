package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wagate/providers/providertest"
)

// TestI14BadOperatorFile: a file with many problems stops the start. Every problem is reported, and
// no secret is shown.
func TestI14BadOperatorFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "bad.yaml")
	err := os.WriteFile(file, []byte(`listen: "nowhere"
admin: "0.0.0.0:0"
clock: {speed: 60}
redis: {url: "http://user:quietpassword@127.0.0.1", durability: sometimes}
ai: {base_url: "https://ai.example/v1", api_key: "${WAGATE_E2E_NOT_SET}", timeout: 3h}
send: {timeout: 5m}
surprise: true
meta_apps:
  - {key: main, app_secret: "quietsecret"}
tenants:
  - id: not-a-uuid
    name: Acme
    api_keys: ["quietkey"]
    assistants:
      - {id: 10000000-0000-4000-8000-0000000000a1, name: Sales, url: "http://192.168.0.1/bot", secret: "quietbot"}
    channels:
      - {id: 10000000-0000-4000-8000-0000000000c1, name: A, provider: meta, app: main, phone_number_id: "4001",
         waba_id: "3001", access_token: "quiettoken", assistant_id: 10000000-0000-4000-8000-0000000000a1}
      - {id: 10000000-0000-4000-8000-0000000000c2, name: B, provider: meta, app: other, phone_number_id: "4001",
         waba_id: "3001", access_token: "quiettoken", assistant_id: 20000000-0000-4000-8000-0000000000a2}
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for _, cmd := range []string{"serve", "check"} {
		code, out, errs := command(t, cmd, "-config", file)
		if code != 1 {
			t.Errorf("%s: got exit code %d, want 1", cmd, code)
		}
		for _, problem := range []string{
			"listen:", "admin_token:", "clock.speed:", "redis.url:", "redis.durability:", "ai.api_key:", "ai.model:", "ai.timeout:",
			"send.timeout:", "surprise:", "meta_apps[0].verify_token:", "tenants[0].id:", "tenants[0].assistants[0].url:",
			"tenants[0].channels[1].app:", "tenants[0].channels[1].phone_number_id:", "tenants[0].channels[1].assistant_id:",
		} {
			if !strings.Contains(errs, problem) {
				t.Errorf("%s: got no problem with %s, want one:\n%s", cmd, strings.TrimSuffix(problem, ":"), errs)
			}
		}
		if strings.Contains(out+errs, "quiet") {
			t.Errorf("%s: got a secret in the output, want none:\n%s%s", cmd, out, errs)
		}
	}
}

// TestI14BadItemInABatch: undecodable items in a webhook do not affect the others, be they in the
// same change or in another one, of the same lead or of others.
func TestI14BadItemInABatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	good := func(phone, id, text string) object {
		return object{"from": phone, "id": id, "timestamp": "1790000000", "type": "text", "text": object{"body": text}}
	}
	const a, b = "34601400100", "34601400101"
	value := func(messages ...any) object {
		return object{"field": "messages", "value": object{
			"messaging_product": "whatsapp", "metadata": object{"phone_number_id": numberAcme, "display_phone_number": "15550100001"},
			"contacts": []any{object{"wa_id": a, "profile": object{"name": "Ada"}}, "no contact", nil},
			"messages": messages,
		}}
	}
	body, err := providertest.MetaJSON(object{"object": "whatsapp_business_account", "entry": []any{
		"no entry", nil,
		object{"id": 5, "changes": "no changes"},
		object{"id": waba, "changes": []any{
			value(
				good(a, "wamid.BATCH1", "one"), nil, "no message", 17, object{}, object{"id": 5, "from": []any{}},
				object{"from": a, "type": "text", "text": object{"body": "without an id"}},
				object{"from": a, "id": "wamid.BATCH2", "timestamp": "soon", "type": "text", "text": "no object"},
				good(b, "wamid.BATCH3", "two"),
			),
			object{"field": "messages", "value": "no value"},
			object{"value": object{}},
			3,
			value(good(a, "wamid.BATCH4", "three")),
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	p.postMeta(body).want(200)
	w.says(user(a), "four")
	w.says(user(b), "five")
	until(t, func() error {
		got := w.sales.texts(a)
		if !slices.Contains(got, "four") || len(w.sales.texts(b)) != 2 {
			return mismatch("messages", got, "all good messages")
		}
		return nil
	})
	got := slices.DeleteFunc(w.sales.texts(a), func(s string) bool { return s == "" }) // odd items are relayed where that is possible
	if want := []string{"one", "three", "four"}; !slices.Equal(got, want) {
		t.Errorf("messages: got %v, want %v", got, want)
	}
	if got, want := w.sales.texts(b), []string{"two", "five"}; !slices.Equal(got, want) {
		t.Errorf("messages: got %v, want %v", got, want)
	}
}

// TestI14AllProblemsOfABody: all wrong fields of a request are reported at once, each by its path.
func TestI14AllProblemsOfABody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	a := p.api(http.MethodPost, "/backend/followup/configs", object{
		"assistant_id": support, "trigger_status_ids": []any{hot, "soon"}, "colour": "red", "is_active": "yes",
		"steps": []any{
			object{"interval": "PT29M59S", "prompt": "Ask"},
			object{"interval": "P1D", "prompt": "A day needs a template"},
			object{"interval": "PT1H", "prompt": "Hi {{LEAD_NICKNAME}}"},
		},
		"official_steps": []any{object{"channel_id": onMeta, "app_id": "x", "steps": []any{
			object{"interval": "P1M", "template_name": "t"}, object{"interval": "PT1H", "prompt": "a", "template_params": []any{5}},
		}}},
	}).want(http.StatusBadRequest)
	var v struct {
		Success bool
		Error   struct {
			Code    string
			Message string
			Details []struct{ Field, Problem string }
		}
	}
	if err := json.Unmarshal(a.body, &v); err != nil || v.Success || v.Error.Code != "VALIDATION_ERROR" {
		t.Fatalf("answer: got %s (%v), want a validation error", a.body, err)
	}
	var fields []string
	for _, d := range v.Error.Details {
		if d.Problem == "" {
			t.Errorf("%s: got an empty problem, want a text", d.Field)
		}
		fields = append(fields, d.Field)
	}
	for _, want := range []string{
		"assistant_id", "trigger_status_ids[1]", "colour", "is_active", "steps[0].interval", "steps[1].template_name",
		"steps[2].prompt", "official_steps[0].steps[0].interval", "official_steps[0].steps[1].template_params[0]",
	} {
		if !slices.Contains(fields, want) {
			t.Errorf("problems: got none with field %s, want one, in %s", want, fmt.Sprint(fields))
		}
	}
	p.api(http.MethodGet, "/backend/followup/configs/assistant/"+sales, nil).want(http.StatusNotFound)
}
