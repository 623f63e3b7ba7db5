package gupshup

import (
	"fmt"
	"strings"
	"testing"

	"wagate/providers"
)

// A template event, however Gupshup words it, becomes the status that a list would show. It is
// never a status that bars a template that may be sent.
func TestTemplateWords(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]providers.TemplateChange{
		`"status":"approved"`:                         {Status: "APPROVED"},
		`"type":"status-update","status":"paused"`:    {Status: "PAUSED"},
		`"type":"status-update","status":"unpaused"`:  {Status: "APPROVED"},
		`"status":"reinstated"`:                       {Status: "APPROVED"},
		`"status":"flagged"`:                          {},
		`"status":"rejected","rejectedReason":"SCAM"`: {Status: "REJECTED"},
		`"status":"disabled","category":"marketing"`:  {Status: "DISABLED", Category: "MARKETING"},
		`"type":"tomorrow","note":{"a":1}`:            {},

		`"type":"category-update","category":"utility","correctCategory":"marketing"`: {Category: "UTILITY"},
		`"type":"category-update","oldCategory":"utility","newCategory":"marketing"`:  {Category: "MARKETING"},
		`"type":"category-update","status":"approved","newCategory":"authentication"`: {Category: "AUTHENTICATION"},
	} {
		want.Name, want.Language = "bike_ready", "pt_BR"
		in, err := Decode([]byte(`{"app":"A","timestamp":1790000001234,"type":"template-event","payload":{"elementName":"bike_ready","languageCode":"pt-BR",`+payload+`}}`), testOptions)
		if err != nil || len(in.Events) != 1 || in.Events[0].Template == nil || *in.Events[0].Template != want {
			t.Errorf("%s: got %+v, %v, want %+v", payload, in.Events, err, want)
			continue
		}
		field := "message_template_status_update"
		if strings.Contains(payload, "category-update") || !strings.Contains(payload, `"status"`) {
			field = "template_category_update"
		}
		if got := in.Events[0].Field; got != field {
			t.Errorf("%s: got field %s, want %s", payload, got, field)
		}
	}
}

// TestI2TemplateChangeInBothVersions checks that one change of a template has one id, in Gupshup's
// words and in Meta's, although each callback has a time of its own. Another change, or the same
// one later, has another id.
func TestI2TemplateChangeInBothVersions(t *testing.T) {
	t.Parallel()
	id := func(body string) string {
		t.Helper()
		in, err := Decode([]byte(body), testOptions)
		if err != nil || len(in.Events) != 1 || in.Events[0].Kind != providers.KindTemplate {
			t.Fatalf("%s: got %+v, %v, want one event of a template", body, in.Events, err)
		}
		return in.Events[0].ID
	}
	v2 := func(ms int, payload string) string {
		return fmt.Sprintf(`{"app":"A","timestamp":%d,"type":"template-event","payload":{"elementName":"visit","languageCode":"pt-BR",%s}}`, ms, payload)
	}
	v3 := func(time int, field, value string) string {
		return fmt.Sprintf(`{"gs_app_id":"a","object":"whatsapp_business_account","entry":[{"id":"1","time":%d,"changes":[{"field":%q,"value":{%s}}]}]}`, time, field, value)
	}
	const (
		second  = 1790000040 // the start of a minute
		status  = "message_template_status_update"
		visit   = `"message_template_name":"visit","message_template_language":"pt_BR",`
		paused  = `"status":"paused","description":"x"`
		utility = `"type":"category-update","oldCategory":"marketing","newCategory":"utility"`
	)
	one := id(v2(second*1000+1234, paused))
	for name, body := range map[string]string{
		"Meta's words":          v3(second+4, status, visit+`"event":"PAUSED","reason":"x","message_template_id":7`),
		"Gupshup's words in v3": v3((second+5)*1000, "template-event", `"elementName":"visit","languageCode":"pt-BR",`+paused),
		"again, seconds later":  v2(second*1000+9234, paused),
		"in another spelling":   v2(second*1000, `"status":"PAUSED"`),
	} {
		if got := id(body); got != one {
			t.Errorf("%s: got %s, want %s", name, got, one)
		}
	}
	if a, b := id(v2(second*1000, utility)), id(v3(second+1, "template_category_update", visit+`"previous_category":"MARKETING","new_category":"UTILITY"`)); a != b {
		t.Errorf("category: got %s and %s, want one id", a, b)
	}
	seen := map[string]string{one: "paused"}
	for name, body := range map[string]string{
		"another status":   v2(second*1000, `"status":"approved"`),
		"the next hour":    v2((second+3600)*1000, paused),
		"another template": strings.Replace(v2(second*1000, paused), "visit", "visits", 1),
		"another language": strings.Replace(v2(second*1000, paused), "pt-BR", "en", 1),
		"a category":       v2(second*1000, utility),
		"without a time":   strings.Replace(v2(0, paused), `"timestamp":0,`, "", 1),
		"another quality":  v3(second, "message_template_quality_update", visit+`"new_quality_score":"RED"`),
		"a better quality": v3(second, "message_template_quality_update", visit+`"new_quality_score":"GREEN"`),
	} {
		got := id(body)
		if other, ok := seen[got]; ok {
			t.Errorf("got one id for %s and %s, want two", name, other)
		}
		seen[got] = name
	}
}
