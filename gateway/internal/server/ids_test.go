package server_test

import (
	"encoding/json"
	"strings"
	"testing"

	"wagate/gateway/internal/server"
)

// TestIDsInEitherCase: a UUID means the same in upper and lower case, wherever it stands in a
// request.
func TestIDsInEitherCase(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	h.messages.answer = server.MessagesAnswer{Status: 200, Body: []byte(`{}`)}
	lead, config := h.lead(), h.config()
	run := idOf(t, h.call("POST", "/backend/followup/runs", `{"lead_id":"`+lead+`"}`))
	up := strings.ToUpper
	hook := func(path string) request {
		return request{method: "POST", path: path, header: map[string]string{"X-Callback-Token": "callback token"}, body: "{}"}
	}
	event := crm(`{"event":"lead.updated","timestamp":"2026-03-02T08:00:00Z","data":{"id":"` + up(lead) + `","company":"Lima"}}`)
	event.path = "/webhooks/crm/" + up(string(acme))
	own := func(method, path, body string) request {
		return request{method: method, path: path, key: acmeKey, body: body}
	}
	for _, r := range []request{
		hook("/webhooks/gupshup/" + up(string(front))),
		event,
		own("POST", "/v26.0/"+up(string(front))+"/messages", "{}"),
		own("GET", "/backend/leads/"+up(lead), ""),
		own("PUT", "/backend/leads/"+up(lead), "{}"),
		own("GET", "/backend/followup/configs/"+up(config), ""),
		own("PUT", "/backend/followup/configs/"+up(config), "{}"),
		own("GET", "/backend/followup/configs/"+up(config)+"/ladder?channel_id="+up(string(front)), ""),
		own("GET", "/backend/followup/configs/assistant/"+up(string(sales)), ""),
		own("GET", "/backend/followup/configs/tenant/"+up(string(acme)), ""),
		own("GET", "/backend/followup/runs?lead_id="+up(lead), ""),
		own("GET", "/backend/followup/runs/"+up(run), ""),
		own("POST", "/backend/followup/runs/"+up(run)+"/cancel", ""),
		own("POST", "/backend/followup/runs", `{"lead_id":"`+up(lead)+`","config_id":"`+up(config)+`","channel_id":"`+up(string(front))+`"}`),
		own("POST", "/backend/followup/runs", `{"lead_id":"`+lead+`","assistant_id":"`+up(string(sales))+`"}`),
		own("DELETE", "/backend/followup/configs/"+up(config), ""),
		own("DELETE", "/backend/leads/"+up(lead), ""),
	} {
		if got := do(t, h.public, r); got.status/100 != 2 {
			t.Errorf("%s %s: got %d %s, want success", r.method, r.path, got.status, got.body)
		}
	}
	if got := h.messages.got[0].Number; got != string(front) {
		t.Errorf("got a send by number %q, want %q", got, front)
	}

	lead = idOf(t, h.call("POST", "/backend/leads", `{"name":"Bo","phone":"+5511912345679"}`))
	h.config()
	run = idOf(t, h.call("POST", "/backend/followup/runs", `{"lead_id":"`+lead+`"}`))
	h.makeDead(1)
	for _, r := range []request{
		own("POST", "/api/pause", `{"tenant_id":"`+up(string(acme))+`","channel_id":"`+up(string(front))+`"}`),
		own("GET", "/api/pauses?tenant="+up(string(acme)), ""),
		own("GET", "/api/runs?tenant="+up(string(acme))+"&lead="+up(lead), ""),
		own("GET", "/api/runs/"+up(run)+"?tenant="+up(string(acme)), ""),
		own("GET", "/api/dead?tenant="+up(string(acme))+"&assistant="+up(string(sales)), ""),
	} {
		got := h.op(r.method, r.path, r.body)
		var page struct{ Pagination *struct{ Total int } }
		if err := json.Unmarshal([]byte(got.body), &page); err != nil || got.status != 200 || page.Pagination != nil && page.Pagination.Total == 0 {
			t.Errorf("%s: got %d %s, want 200 and a list that is not empty", r.path, got.status, got.body)
		}
	}
}
