package followup

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	vAssistant = "a0000000-0000-4000-8000-0000000000aa"
	vChannel   = "c0000000-0000-4000-8000-0000000000c1"
	vChannel2  = "c0000000-0000-4000-8000-0000000000c2"
	vStatus    = "50000000-0000-4000-8000-0000000000e1"
	vStatus2   = "50000000-0000-4000-8000-0000000000e2"
)

// vTenant is the tenant of assistant vAssistant.
func vTenant() Tenant {
	return Tenant{ID: "70000000-0000-4000-8000-000000000007", Name: "Acme", Assistants: []Assistant{{ID: vAssistant}}}
}

// sampleBody has the shape of the documented sample, read-only fields included.
const sampleBody = `{
  "id": "10000000-0000-4000-8000-000000000001",
  "tenant_id": "20000000-0000-4000-8000-000000000002",
  "assistant_id": "` + vAssistant + `",
  "trigger_status_ids": ["` + vStatus + `", "` + vStatus2 + `"],
  "steps": [
    {"interval": "PT30M", "prompt": "Write kindly and ask whether anything is unclear"},
    {"interval": "PT2H", "prompt": "Say what it is good for and offer a short call"}
  ],
  "official_steps": [
    {"channel_id": "` + vChannel + `", "channel_name": "WhatsApp Business", "app_id": "gs_app_4711",
     "steps": [{"interval": "P1D", "template_name": "back_again_v1", "template_language": "en",
                "template_params": ["{{LEAD_FIRSTNAME}}", "Acme"]}]}
  ],
  "is_active": true,
  "created_at": "2025-01-15T10:00:00Z"
}`

// sampleConfig is what sampleBody decodes to.
func sampleConfig() Config {
	return Config{
		TenantID: vTenant().ID, AssistantID: vAssistant, TriggerStatusIDs: []string{vStatus, vStatus2}, IsActive: true,
		Steps: []Step{
			{Interval: "PT30M", Prompt: "Write kindly and ask whether anything is unclear"},
			{Interval: "PT2H", Prompt: "Say what it is good for and offer a short call"},
		},
		OfficialSteps: []OfficialSteps{{
			ChannelID: vChannel, ChannelName: "WhatsApp Business", AppID: "gs_app_4711",
			Steps: []Step{{
				Interval: "P1D", TemplateName: "back_again_v1", TemplateLanguage: "en",
				TemplateParams: []string{"{{LEAD_FIRSTNAME}}", "Acme"},
			}},
		}},
	}
}

// The documented sample is accepted, and its read-only members are ignored.
func TestDecodeConfigSample(t *testing.T) {
	t.Parallel()
	got, problems := DecodeConfig([]byte(sampleBody), vTenant())
	if len(problems) != 0 {
		t.Fatalf("problems: got %v, want none", problems)
	}
	if want := sampleConfig(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// body builds a create body from valid members, some of them replaced. A replacement
// of "" removes the member.
func body(replace map[string]string) string {
	members := map[string]string{
		"assistant_id":       `"` + vAssistant + `"`,
		"trigger_status_ids": `["` + vStatus + `"]`,
		"steps":              `[{"interval":"PT30M","prompt":"ask"}]`,
	}
	maps.Copy(members, replace)
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(members)) {
		if members[k] != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", k, members[k]))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// stepsBody is a create body with these steps.
func stepsBody(steps string) string { return body(map[string]string{"steps": steps}) }

// officialBody is a create body with these official steps and no others.
func officialBody(official string) string {
	return body(map[string]string{"steps": "", "official_steps": official})
}

// official is the official steps of one channel.
func official(channel, steps string) string {
	return `{"channel_id":"` + channel + `","app_id":"x","steps":` + steps + `}`
}

const (
	ask   = `{"interval":"PT30M","prompt":"ask"}`
	tmpl  = `{"interval":"P1D","template_name":"t"}`
	three = "[" + ask + "," + ask + "," + ask + "]"
)

// DecodeConfig accepts every valid body, up to the limit of each rule.
func TestI14DecodeConfigAccepts(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"smallest":                            body(nil),
		"R1 exactly 30 min in seconds":        stepsBody(`[{"interval":"PT1800S","prompt":"ask"}]`),
		"R2 just below a day":                 stepsBody(`[{"interval":"PT23H59M","prompt":"ask"}]`),
		"R2 a day with template":              stepsBody(`[{"interval":"PT24H","template_name":"t"}]`),
		"below a day with a template only":    stepsBody(`[{"interval":"PT1H","template_name":"t"}]`),
		"prompt and template":                 stepsBody(`[{"interval":"PT1H","prompt":"ask","template_name":"t","template_language":"en-US"}]`),
		"R5 official only":                    officialBody("[" + official(vChannel, "["+tmpl+"]") + "]"),
		"R5 official with empty steps":        body(map[string]string{"steps": "[]", "official_steps": "[" + official(vChannel, "["+tmpl+"]") + "]"}),
		"official with null steps":            body(map[string]string{"steps": "null", "official_steps": "[" + official(vChannel, "["+tmpl+"]") + "]"}),
		"null official":                       body(map[string]string{"official_steps": "null"}),
		"R6 three steps":                      stepsBody(three),
		"R6 two steps and one official":       body(map[string]string{"steps": "[" + ask + "," + ask + "]", "official_steps": "[" + official(vChannel, "["+tmpl+"]") + "]"}),
		"R6 two channels of three steps each": officialBody("[" + official(vChannel, "["+tmpl+","+tmpl+","+tmpl+"]") + "," + official(vChannel2, three) + "]"),
		"read-only of any type":               body(map[string]string{"id": "7", "warnings": `[{"field":"x","deep":{}}]`, "created_at": "null", "updated_at": "[]", "tenant_id": "{}"}),
		"inactive":                            body(map[string]string{"is_active": "false", "rearm_on_reply": "true"}),
		"empty optional texts":                stepsBody(`[{"interval":"PT30M","prompt":"ask","template_name":"","template_language":null,"template_params":null}]`),
		"any case of UUID":                    body(map[string]string{"assistant_id": `"` + strings.ToUpper(vAssistant) + `"`}),
		"surrounding white space":             " \n" + body(nil) + "\t ",
		"escaped key":                         strings.Replace(body(nil), "assistant_id", `assistant\u005fid`, 1),
	}
	for name, in := range tests {
		if _, problems := DecodeConfig([]byte(in), vTenant()); len(problems) != 0 {
			t.Errorf("%s: got %v, want none", name, problems)
		}
	}
}

// DecodeConfig reports every broken rule, each once and at the field that breaks it, and says
// whether the field is missing.
func TestI14DecodeConfigRefuses(t *testing.T) {
	t.Parallel()
	const missing = " (missing)"
	tests := []struct {
		name, body string
		want       []string // fields, in any order
	}{
		{"empty object", `{}`, []string{"assistant_id" + missing, "trigger_status_ids" + missing, "steps" + missing}},
		{"R10 assistant absent", body(map[string]string{"assistant_id": ""}), []string{"assistant_id" + missing}},
		{"R10 assistant null", body(map[string]string{"assistant_id": "null"}), []string{"assistant_id" + missing}},
		{"assistant empty", body(map[string]string{"assistant_id": `""`}), []string{"assistant_id"}},
		{"assistant not a UUID", body(map[string]string{"assistant_id": `"sales"`}), []string{"assistant_id"}},
		{"assistant without dashes", body(map[string]string{"assistant_id": `"` + strings.ReplaceAll(vAssistant, "-", "") + `"`}), []string{"assistant_id"}},
		{"assistant of another tenant", body(map[string]string{"assistant_id": `"` + vChannel + `"`}), []string{"assistant_id"}},
		{"assistant a number", body(map[string]string{"assistant_id": `1`}), []string{"assistant_id"}},
		{"R10 triggers absent", body(map[string]string{"trigger_status_ids": ""}), []string{"trigger_status_ids" + missing}},
		{"triggers empty", body(map[string]string{"trigger_status_ids": "[]"}), []string{"trigger_status_ids"}},
		{"triggers a string", body(map[string]string{"trigger_status_ids": `"` + vStatus + `"`}), []string{"trigger_status_ids"}},
		{"triggers wrong", body(map[string]string{"trigger_status_ids": `["x",null,"` + vStatus + `",3]`}), []string{"trigger_status_ids[0]", "trigger_status_ids[1]", "trigger_status_ids[3]"}},
		{"R4 neither list", body(map[string]string{"steps": ""}), []string{"steps" + missing}},
		{"R4 steps absent, official empty", officialBody("[]"), []string{"steps" + missing}},
		{"R4 both empty", body(map[string]string{"steps": "[]", "official_steps": "[]"}), []string{"steps"}},
		{"R1 29 min", stepsBody(`[{"interval":"PT29M59S","prompt":"ask"}]`), []string{"steps[0].interval"}},
		{"interval above a year", stepsBody(`[{"interval":"P366D","template_name":"t"}]`), []string{"steps[0].interval"}},
		{"interval of a month", stepsBody(`[{"interval":"P1M","template_name":"t"}]`), []string{"steps[0].interval"}},
		{"interval a number", stepsBody(`[{"interval":1800,"prompt":"ask"}]`), []string{"steps[0].interval"}},
		{"interval blank", stepsBody(`[{"interval":" ","prompt":"ask"}]`), []string{"steps[0].interval"}},
		{"R10 interval absent", stepsBody(`[{"prompt":"ask"}]`), []string{"steps[0].interval" + missing}},
		{"R2 P1D without a template", stepsBody(`[{"interval":"P1D","prompt":"ask"}]`), []string{"steps[0].template_name"}},
		{"R2 PT24H without a template", stepsBody(`[{"interval":"PT24H"}]`), []string{"steps[0].template_name"}},
		{"R2 P1DT12H without a template", stepsBody(`[{"interval":"P1DT12H","prompt":"ask","template_name":"  "}]`), []string{"steps[0].template_name"}},
		{"R2 P1W without a template", stepsBody(`[{"interval":"P1W","prompt":"ask","template_name":null}]`), []string{"steps[0].template_name"}},
		{"R2 wrong type, one problem", stepsBody(`[{"interval":"P1D","template_name":7}]`), []string{"steps[0].template_name"}},
		{"nothing to send", stepsBody(`[{"interval":"PT1H"}]`), []string{"steps[0].prompt"}},
		{"nothing to send, bad interval", stepsBody(`[{"interval":"x","prompt":""}]`), []string{"steps[0].interval", "steps[0].prompt"}},
		{"R6 four steps", stepsBody("[" + ask + "," + ask + "," + ask + "," + ask + "]"), []string{"steps"}},
		{"R6 four official", officialBody("[" + official(vChannel, "["+tmpl+","+tmpl+","+tmpl+","+tmpl+"]") + "]"), []string{"official_steps[0].steps"}},
		{"R6 ladder of four", body(map[string]string{"steps": three, "official_steps": "[" + official(vChannel, "["+tmpl+"]") + "]"}), []string{"official_steps[0].steps"}},
		{"R6 second ladder of four", body(map[string]string{"steps": "[" + ask + "," + ask + "]", "official_steps": "[" + official(vChannel, "["+tmpl+"]") + "," + official(vChannel2, "["+tmpl+","+tmpl+"]") + "]"}), []string{"official_steps[1].steps"}},
		{"R7 no steps", officialBody("[" + official(vChannel, "[]") + "]"), []string{"official_steps[0].steps"}},
		{"R8 channel twice", officialBody("[" + official(vChannel, "["+tmpl+"]") + "," + official(vChannel, "["+tmpl+"]") + "]"), []string{"official_steps[1].channel_id"}},
		{"R8 channel twice, in another case", officialBody("[" + official(vChannel, "["+tmpl+"]") + "," + official(strings.ToUpper(vChannel), "["+tmpl+"]") + "]"), []string{"official_steps[1].channel_id"}},
		{"R10 official all absent", officialBody("[{}]"), []string{"official_steps[0].channel_id" + missing, "official_steps[0].app_id" + missing, "official_steps[0].steps" + missing}},
		{"official app_id empty", officialBody(`[{"channel_id":"` + vChannel + `","app_id":"","steps":[` + tmpl + `]}]`), []string{"official_steps[0].app_id"}},
		{"official channel not a UUID", officialBody(`[{"channel_id":"main","app_id":"x","steps":[` + tmpl + `]}]`), []string{"official_steps[0].channel_id"}},
		{"interval of an official step", officialBody("[" + official(vChannel, "["+tmpl+`,{"interval":"PT5M","template_name":"t"}]`) + "]"), []string{"official_steps[0].steps[1].interval"}},
		{"official not a list", officialBody(`{"a":1}`), []string{"official_steps"}},
		{"elements of wrong type", body(map[string]string{"steps": `[null,[]]`, "official_steps": `["x"]`}), []string{"steps[0]", "steps[1]", "official_steps[0]"}},
		{
			"unknown at every depth", `{"assistant_id":"` + vAssistant + `","trigger_status_ids":["` + vStatus + `"],"Steps":[],` +
				`"steps":[{"interval":"PT30M","prompt":"ask","promt":1}],"official_steps":[{"channel_id":"` + vChannel + `","app_id":"x","id":1,` +
				`"steps":[{"interval":"P1D","template_name":"t","after":"P1D"}]}],"":0}`,
			[]string{"Steps", "steps[0].promt", "official_steps[0].id", "official_steps[0].steps[0].after", `""`},
		},
		{"key given twice", `{"is_active":true,` + body(map[string]string{"is_active": "true"})[1:], []string{"is_active"}},
		{"key given twice, deep", stepsBody(`[{"interval":"PT30M","prompt":"ask","prompt":"ask"}]`), []string{"steps[0].prompt"}},
		{"booleans", body(map[string]string{"is_active": `"true"`, "rearm_on_reply": "null"}), []string{"is_active", "rearm_on_reply"}},
		{"unknown variable in prompt", stepsBody(`[{"interval":"PT30M","prompt":"Hi {{NAME}}"}]`), []string{"steps[0].prompt"}},
		{"unknown variable in params", stepsBody(`[{"interval":"P1D","template_name":"t","template_params":["a","{{1}}","{{LEAD_NAME"]}]`), []string{"steps[0].template_params[1]", "steps[0].template_params[2]"}},
		{"params empty, null or a number", stepsBody(`[{"interval":"P1D","template_name":"t","template_params":["",null,5]}]`), []string{"steps[0].template_params[0]", "steps[0].template_params[1]", "steps[0].template_params[2]"}},
		{"params a map", stepsBody(`[{"interval":"P1D","template_name":"t","template_params":{"1":"a"}}]`), []string{"steps[0].template_params"}},
		{"language invalid", stepsBody(`[{"interval":"P1D","template_name":"t","template_language":"pt BR!"}]`), []string{"steps[0].template_language"}},
		{"long prompt", stepsBody(`[{"interval":"PT30M","prompt":"` + strings.Repeat("x", maxPrompt+1) + `"}]`), []string{"steps[0].prompt"}},
		{"not JSON", `{"steps":`, []string{"body"}},
		{"empty", ``, []string{"body"}},
		{"blank", " \n ", []string{"body"}},
		{"trailing data", body(nil) + `{}`, []string{"body"}},
		{"trailing comma", `{"steps":[],}`, []string{"body"}},
		{"not an object", `[]`, []string{"body"}},
		{"null", `null`, []string{"body"}},
		{"not UTF-8", "{\"\xff\":1}", []string{"body"}},
		{"too deep", strings.Repeat(`{"id":`, 40) + "1" + strings.Repeat("}", 40), []string{"body"}},
		{"too large", `{"id":"` + strings.Repeat("x", MaxBody) + `"}`, []string{"body"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, problems := DecodeConfig([]byte(tt.body), vTenant())
			var got []string
			for _, p := range problems {
				field := p.Field
				if p.Missing {
					field += missing
				}
				got = append(got, field)
				if p.Problem == "" {
					t.Errorf("%s: got no text, want the problem described", p.Field)
				}
			}
			slices.Sort(got)
			slices.Sort(tt.want)
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q (%v)", got, tt.want, problems)
			}
		})
	}
}

// DecodeConfig fills in the defaults (active, no re-arm, pt_BR), trims names, normalises languages
// and removes a repeated trigger.
func TestDecodeConfigDefaults(t *testing.T) {
	t.Parallel()
	c, problems := DecodeConfig([]byte(body(map[string]string{
		"trigger_status_ids": `["` + vStatus + `","` + strings.ToUpper(vStatus) + `"]`,
		"steps": `[{"interval":"PT30M","prompt":"ask","template_language":"en"},{"interval":"P1D","template_name":" t "},` +
			`{"interval":"P1D","template_name":"t","template_language":"en-US"}]`,
	})), vTenant())
	if len(problems) != 0 {
		t.Fatalf("got %v", problems)
	}
	if !c.IsActive || c.RearmOnReply {
		t.Errorf("got active %v, rearm %v, want true, false", c.IsActive, c.RearmOnReply)
	}
	if !slices.Equal(c.TriggerStatusIDs, []string{vStatus}) {
		t.Errorf("triggers: got %q, want one", c.TriggerStatusIDs)
	}
	for i, want := range []string{"", "pt_BR", "en_US"} {
		if got := c.Steps[i].TemplateLanguage; got != want {
			t.Errorf("R3 language of step %d: got %q, want %q", i, got, want)
		}
	}
	if c.Steps[1].TemplateName != "t" || c.OfficialSteps == nil {
		t.Errorf("got %+v, want a trimmed name and lists that are never null", c)
	}
}

// storedConfig is sampleConfig as a store holds it.
func storedConfig() Config {
	c := sampleConfig()
	c.ID = "10000000-0000-4000-8000-000000000001"
	c.CreatedAt = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	c.UpdatedAt = c.CreatedAt.Add(time.Hour)
	return c
}

// What GET returned can be sent back unchanged, by PUT and by POST: the
// read-only members are ignored.
func TestMergeConfigAcceptsGetBody(t *testing.T) {
	t.Parallel()
	old := storedConfig()
	old.RearmOnReply, old.IsActive = true, false
	old.Warnings = []Warning{{Field: "steps[0]", Problem: "x"}}
	b, err := json.Marshal(old)
	if err != nil {
		t.Fatal(err)
	}
	got, problems := MergeConfig(old, b)
	old.Warnings = nil
	if len(problems) != 0 || !reflect.DeepEqual(got, old) {
		t.Errorf("put: got %+v, %v, want %+v", got, problems, old)
	}
	if _, problems := DecodeConfig(b, vTenant()); len(problems) != 0 {
		t.Errorf("post: got %v, want none", problems)
	}
}

// MergeConfig replaces the members that the body has and keeps the others.
func TestMergeConfigReplacesGivenFields(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		edit       func(*Config)
	}{
		{"nothing", `{}`, func(*Config) {}},
		{"active", `{"is_active":false}`, func(c *Config) { c.IsActive = false }},
		{"rearm", `{"rearm_on_reply":true}`, func(c *Config) { c.RearmOnReply = true }},
		{"triggers", `{"trigger_status_ids":["` + vStatus2 + `"]}`, func(c *Config) { c.TriggerStatusIDs = []string{vStatus2} }},
		{"steps as a whole", `{"steps":[` + ask + `]}`, func(c *Config) { c.Steps = []Step{{Interval: "PT30M", Prompt: "ask"}} }},
		{"no steps", `{"steps":[]}`, func(c *Config) { c.Steps = []Step{} }},
		{"null steps", `{"steps":null}`, func(c *Config) { c.Steps = []Step{} }},
		{"no official", `{"official_steps":[]}`, func(c *Config) { c.OfficialSteps = []OfficialSteps{} }},
		{"the same assistant", `{"assistant_id":"` + strings.ToUpper(vAssistant) + `"}`, func(*Config) {}},
		{"read-only", `{"id":"x","tenant_id":"y","created_at":"2001-01-01T00:00:00Z"}`, func(*Config) {}},
	}
	for _, tt := range tests {
		want := storedConfig()
		tt.edit(&want)
		got, problems := MergeConfig(storedConfig(), []byte(tt.body))
		if len(problems) != 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v, want %+v", tt.name, got, problems, want)
		}
	}
}

// MergeConfig checks the merged config as a whole, not just the members that the body has.
func TestMergeConfigValidatesResult(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, want string }{
		{"other assistant", `{"assistant_id":"` + vChannel + `"}`, "assistant_id"},
		{"ladder too long with the old official", `{"steps":` + three + `}`, "official_steps[0].steps"},
		{"nothing left", `{"steps":[],"official_steps":[]}`, "steps"},
		{"no triggers", `{"trigger_status_ids":[]}`, "trigger_status_ids"},
		{"unknown", `{"step":[]}`, "step"},
		{"twice", `{"is_active":true,"is_active":false}`, "is_active"},
		{"not JSON", `{`, "body"},
	}
	for _, tt := range tests {
		if _, p := MergeConfig(storedConfig(), []byte(tt.body)); len(p) != 1 || p[0].Field != tt.want {
			t.Errorf("%s: got %v, want one at %s", tt.name, p, tt.want)
		}
	}
}

// However large the body, the number of problems and the length of their fields are bounded.
func TestProblemsAreBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("{")
	for i := range 5000 {
		fmt.Fprintf(&b, `"%s%d":1,`, strings.Repeat("k", 30), i)
	}
	b.WriteString(`"` + strings.Repeat("é\\n", 500) + `":1}`)
	_, problems := DecodeConfig([]byte(b.String()), vTenant())
	if len(problems) != maxProblems {
		t.Errorf("got %d problems, want %d", len(problems), maxProblems)
	}
	_, problems = DecodeConfig([]byte(`{"`+strings.Repeat("é", 500)+`":1}`), vTenant())
	for _, p := range problems {
		if len(p.Field) > 300 {
			t.Errorf("got a field of %d bytes, want at most 300", len(p.Field))
		}
	}
}

// FuzzDecodeConfig checks that whatever DecodeConfig accepts keeps the rules about ladders and
// intervals, and decodes to itself when it is shown and read again.
func FuzzDecodeConfig(f *testing.F) {
	f.Add([]byte(sampleBody))
	f.Add([]byte(`{"steps":[{"interval":"PT30M","prompt":"{{"}],"steps":null}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, problems := DecodeConfig(b, vTenant())
		MergeConfig(storedConfig(), b)
		if len(problems) > 0 {
			return
		}
		for _, o := range append(c.OfficialSteps, OfficialSteps{ChannelID: "none", Steps: []Step{{Interval: "PT30M"}}}) {
			l := buildLadder(c, o.ChannelID)
			if len(l.Steps) > MaxSteps {
				t.Fatalf("ladder of %d steps", len(l.Steps))
			}
			for _, s := range l.Steps {
				if _, err := ParseInterval(s.Interval); err != nil || (s.Wait() >= TemplateInterval && !s.hasTemplate()) {
					t.Fatalf("step %+v", s)
				}
			}
		}
		shown, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, problems := DecodeConfig(shown, vTenant())
		if len(problems) > 0 || !reflect.DeepEqual(again, c) {
			t.Fatalf("shown again: got %+v, %v, want %+v", again, problems, c)
		}
	})
}
