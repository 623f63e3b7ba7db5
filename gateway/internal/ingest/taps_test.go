package ingest

import (
	"fmt"
	"testing"

	"wagate/followup"
)

// TestOptOutByTap: a tap on a template's quick reply opts out if its payload is an opt-out word.
// The payload is the button's label unless the sender of the template set another one. A tap on a
// button or list of a session never opts out.
func TestOptOutByTap(t *testing.T) {
	t.Parallel()
	v2 := func(typ, payload string) func(*testing.T, *harness) {
		return func(t *testing.T, h *harness) {
			t.Helper()
			h.gupshup(t, fmt.Sprintf(`{"app":"AcmeCare","timestamp":%d,"version":2,"type":"message","payload":`+
				`{"id":"wamid.1","source":"15550100001","type":%q,"payload":%s,"sender":{"phone":"15550100001"}}}`, now.UnixMilli(), typ, payload))
		}
	}
	item := func(content string) string {
		return fmt.Sprintf(`"messages":[{"from":"15550100001","id":"wamid.1","timestamp":"%d",%s}]`, minute(-1), content)
	}
	meta := func(content string) func(*testing.T, *harness) {
		return func(t *testing.T, h *harness) { t.Helper(); h.meta(t, messages("n-sales", item(content))) }
	}
	v3 := func(content string) func(*testing.T, *harness) {
		return func(t *testing.T, h *harness) {
			t.Helper()
			h.gupshup(t, `{"gs_app_id":"`+gupAppID+`",`+messages("410000000000002", item(content))[1:])
		}
	}
	const (
		label   = `"type":"button","button":{"payload":"SAIR","text":"SAIR"}`
		alone   = `"type":"button","button":{"text":"Parar"}`
		carries = `"type":"button","button":{"payload":"stop","text":"Não quero mais"}`
		other   = `"type":"button","button":{"payload":"CANCEL:77","text":"Cancelar"}`
		menu    = `"type":"interactive","interactive":{"type":"button_reply","button_reply":{"id":"SAIR","title":"SAIR"}}`
		row     = `"type":"interactive","interactive":{"type":"list_reply","list_reply":{"id":"SAIR","title":"SAIR"}}`
		caption = `"type":"image","image":{"id":"1","caption":"SAIR"}`
		group   = `"group_id":"120363",` + label
	)
	for name, c := range map[string]struct {
		say func(*testing.T, *harness)
		out bool
	}{
		"label":                                 {meta(label), true},
		"label alone":                           {meta(alone), true},
		"payload":                               {meta(carries), true},
		"other payload":                         {meta(other), false},
		"a session's button":                    {meta(menu), false},
		"a list's row":                          {meta(row), false},
		"a picture's caption":                   {meta(caption), false},
		"in a group":                            {meta(group), false},
		"v3, label":                             {v3(label), true},
		"v3, other payload":                     {v3(other), false},
		"v2, label":                             {v2("quick_reply", `{"text":"SAIR","type":"button"}`), true},
		"v2, label, as text":                    {v2("text", `{"text":"SAIR","type":"button"}`), true},
		"v2, payload":                           {v2("quick_reply", `{"text":"Não","type":"button","postbackText":"STOP"}`), true},
		"v2, other payload":                     {v2("quick_reply", `{"text":"Cancelar","type":"button","postbackText":"CANCEL:77"}`), false},
		"v2, a session's button as quick_reply": {v2("quick_reply", `{"title":"SAIR","id":"q1","reply":"SAIR 1","postbackText":"SAIR"}`), false},
		"v2, a session's button":                {v2("button_reply", `{"title":"SAIR","id":"q1","reply":"SAIR 1"}`), false},
		"v2, a list's row":                      {v2("list_reply", `{"title":"SAIR","id":"l1","postbackText":"SAIR"}`), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, nil)
			h.meta(t, messages("n-sales", text("15550100001", "wamid.0", minute(-9), "hello")))
			c.say(t, h)
			if got := h.lead(t, tenantA, "15550100001").OptedOut; got != c.out {
				t.Errorf("got opted out %v, want %v", got, c.out)
			}
		})
	}
	h := newHarness(t, func(p *Params) { p.OptOutWords = followup.OptOutWords{} })
	meta(label)(t, h)
	if h.lead(t, tenantA, "15550100001").OptedOut {
		t.Error("without opt-out words: got opted out, want not opted out")
	}
}
