package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"wagate/followup"
)

const (
	notAuthorized = `{"success":false,"error":{"code":"UNAUTHORIZED","message":"the API key is missing or not valid","details":[]}}`
	leadNotFound  = `{"success":false,"error":{"code":"NOT_FOUND","message":"lead not found","details":[]}}`
	unavailable   = `{"success":false,"error":{"code":"UNAVAILABLE","message":"the service is temporarily unavailable","details":[],"retry_after":2}}`
)

// notFound returns the body of a 404 for an object that does not exist.
func notFound(what string) string {
	return `{"success":false,"error":{"code":"NOT_FOUND","message":"` + what + ` not found","details":[]}}`
}

// idOf returns the id of the object in an answer.
func idOf(t *testing.T, r response) string {
	t.Helper()
	var o struct{ ID string }
	if err := json.Unmarshal([]byte(r.body), &o); err != nil || o.ID == "" {
		t.Fatalf("got %d %s, want an object with an id", r.status, r.body)
	}
	return o.ID
}

// config creates a follow-up configuration of sales and returns its id.
func (h *harness) config() string {
	h.t.Helper()
	return idOf(h.t, h.call("POST", "/backend/followup/configs", `{"assistant_id":"`+string(sales)+`",
		"trigger_status_ids":["`+quoted+`"],"steps":[{"interval":"PT30M","prompt":"Ask"}]}`))
}

// lead creates a lead and returns its id.
func (h *harness) lead() string {
	h.t.Helper()
	return idOf(h.t, h.call("POST", "/backend/leads", `{"name":"Ana","phone":"+5511912345678"}`))
}

// TestLeadRoutes: leads can be created, read, listed, changed and deleted.
func TestLeadRoutes(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	r := h.call("POST", "/backend/leads", `{"name":"Ana","phone":"+5511912345678"}`)
	if r.status != 201 || r.header.Get("Content-Type") != "application/json" {
		t.Fatalf("got %d %s %s", r.status, r.header.Get("Content-Type"), r.body)
	}
	lead := "/backend/leads/" + idOf(t, r)
	h.want(h.call("GET", lead, ""), 200, r.body)
	h.want(h.call("GET", "/backend/leads?limit=1&search=an", ""), 200,
		`{"data":[`+r.body+`],"pagination":{"total":1,"limit":1,"offset":0,"has_more":false}}`)
	h.want(h.call("GET", "/backend/leads?status_id=zzz", ""), 400, `{"success":false,"error":{"code":"VALIDATION_ERROR",`+
		`"message":"the request is not valid","details":[{"field":"status_id","problem":"is not a UUID"}]}}`)
	h.want(h.call("GET", "/backend/leads?limit=0&offset=-1&status_id=zzz&search="+strings.Repeat("x", 101), ""), 400,
		`{"success":false,"error":{"code":"VALIDATION_ERROR","message":"the request is not valid","details":[`+
			`{"field":"limit","problem":"must be a whole number from 1 to 100"},`+
			`{"field":"offset","problem":"must be a whole number from 0 to 1073741824"},`+
			`{"field":"search","problem":"must have at most 100 characters"},{"field":"status_id","problem":"is not a UUID"}]}}`)
	h.want(h.call("GET", "/backend/leads?search=zz", ""), 200, `{"data":[],"pagination":{"total":0,"limit":50,"offset":0,"has_more":false}}`)
	h.call("POST", "/backend/leads", `{"name":"Bo","phone":"+5511912345679"}`)
	if r := h.call("GET", "/backend/leads?limit=1", ""); !strings.HasSuffix(r.body, `"pagination":{"total":2,"limit":1,"offset":0,"has_more":true}}`) {
		t.Errorf("got %s, want has_more true", r.body)
	}
	if r := h.call("PUT", lead, `{"company":"Lima"}`); r.status != 200 || !strings.Contains(r.body, `"company":"Lima"`) {
		t.Errorf("got %d %s", r.status, r.body)
	}
	h.want(h.call("DELETE", lead, ""), 204, "")
	h.want(h.call("GET", lead, ""), 404, leadNotFound)
	h.want(h.call("DELETE", lead, ""), 404, leadNotFound)
}

// TestConfigRoutes: configurations can be created, read by each route, changed and deleted.
func TestConfigRoutes(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	body := `{"assistant_id":"` + string(sales) + `","trigger_status_ids":["` + quoted + `"],"steps":[{"interval":"PT30M","prompt":"Ask"}]}`
	r := h.call("POST", "/backend/followup/configs", body)
	id := idOf(t, r)
	if r.status != 201 {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	config := "/backend/followup/configs/" + id
	h.want(h.call("POST", "/backend/followup/configs", body), 409, `{"success":false,"error":{"code":"ALREADY_EXISTS",`+
		`"message":"the assistant has a follow-up configuration","details":[{"field":"assistant_id","problem":"has a follow-up configuration"}]}}`)
	h.want(h.call("GET", config, ""), 200, r.body)
	h.want(h.call("GET", "/backend/followup/configs/assistant/"+string(sales), ""), 200, r.body)
	h.want(h.call("GET", "/backend/followup/configs/tenant/"+string(acme), ""), 200, "["+r.body+"]")
	ladder := h.call("GET", config+"/ladder?channel_id="+string(front), "")
	if ladder.status != 200 || !strings.HasPrefix(ladder.body, `{"channel_id":"`+string(front)+`","steps":[{"interval":"PT30M","prompt":"Ask","after":"PT30M","warnings":[`) {
		t.Errorf("got %d %s", ladder.status, ladder.body)
	}
	if r := h.call("PUT", config, `{"is_active":false}`); r.status != 200 || !strings.Contains(r.body, `"is_active":false`) {
		t.Errorf("got %d %s", r.status, r.body)
	}
	h.want(h.call("DELETE", config+"?pending=never", ""), 400, `{"success":false,"error":{"code":"VALIDATION_ERROR",`+
		`"message":"the request is not valid","details":[{"field":"pending","problem":"must be finish, or absent"}]}}`)
	h.want(h.call("DELETE", config+"?pending=finish", ""), 204, "")
	h.want(h.call("GET", config, ""), 404, notFound("configuration"))
	h.want(h.call("GET", "/backend/followup/configs/tenant/"+string(acme), ""), 200, "[]")
	h.want(h.call("POST", "/backend/followup/configs", `{"steps":[{"interval":"PT5M","prompt":"x"}]}`), 400,
		`{"success":false,"error":{"code":"VALIDATION_ERROR","message":"the request is not valid","details":[`+
			`{"field":"assistant_id","problem":"is required"},{"field":"trigger_status_ids","problem":"is required"},`+
			`{"field":"steps[0].interval","problem":"must be at least PT30M"}]}}`)
}

// TestRunRoutes: a run can be started, read, listed and cancelled.
func TestRunRoutes(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	lead := h.lead()
	h.want(h.call("POST", "/backend/followup/runs", `{"lead_id":"`+lead+`"}`), 409, `{"success":false,"error":{"code":"RUN_NOT_STARTED",`+
		`"message":"no run can start for this lead","details":[{"field":"assistant_id","problem":"has no follow-up configuration"}]}}`)
	config := h.config()
	r := h.call("POST", "/backend/followup/runs", `{"lead_id":"`+lead+`"}`)
	run := idOf(t, r)
	h.want(r, 201, `{"id":"`+run+`","lead_id":"`+lead+`","config_id":"`+config+`","assistant_id":"`+string(sales)+`","channel_id":"`+string(front)+`",`+
		`"state":"armed","reason":null,"started_at":"2026-03-02T09:00:00Z","ended_at":null,"timeline":[{"step":1,"due_at":"2026-03-02T09:30:00Z",`+
		`"outcome":null,"reason":null,"message_id":null,"at":null,"settled":null}]}`)
	h.want(h.call("GET", "/backend/followup/runs/"+run, ""), 200, r.body)
	h.want(h.call("GET", "/backend/followup/runs?lead_id="+lead, ""), 200,
		`{"data":[`+r.body+`],"pagination":{"total":1,"limit":50,"offset":0,"has_more":false}}`)
	h.want(h.call("GET", "/backend/followup/runs?offset=7&lead_id="+lead, ""), 200,
		`{"data":[],"pagination":{"total":1,"limit":50,"offset":7,"has_more":false}}`)
	h.want(h.call("GET", "/backend/followup/runs", ""), 400, `{"success":false,"error":{"code":"MISSING_FIELD",`+
		`"message":"a required field is missing","details":[{"field":"lead_id","problem":"is required"}]}}`)
	h.want(h.call("GET", "/backend/followup/runs?limit=x", ""), 400, `{"success":false,"error":{"code":"VALIDATION_ERROR",`+
		`"message":"the request is not valid","details":[{"field":"limit","problem":"must be a whole number from 1 to 100"},`+
		`{"field":"lead_id","problem":"is required"}]}}`)
	if r := h.call("POST", "/backend/followup/runs/"+run+"/cancel", ""); r.status != 200 || !strings.Contains(r.body, `"state":"ended","reason":"api"`) {
		t.Errorf("got %d %s", r.status, r.body)
	}
}

// TestI10EveryRouteNeedsKeyOfOwnTenant: every route answers 401 without a valid key, and 404 to the
// key of another tenant.
func TestI10EveryRouteNeedsKeyOfOwnTenant(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	lead, config := h.lead(), h.config()
	run := idOf(t, h.call("POST", "/backend/followup/runs", `{"lead_id":"`+lead+`"}`))
	tests := []struct{ method, path, what string }{
		{"GET", "/backend/leads/" + lead, "lead"},
		{"PUT", "/backend/leads/" + lead, "lead"},
		{"DELETE", "/backend/leads/" + lead, "lead"},
		{"GET", "/backend/followup/configs/" + config, "configuration"},
		{"PUT", "/backend/followup/configs/" + config, "configuration"},
		{"DELETE", "/backend/followup/configs/" + config, "configuration"},
		{"GET", "/backend/followup/configs/" + config + "/ladder?channel_id=" + string(front), "configuration"},
		{"GET", "/backend/followup/configs/assistant/" + string(sales), "configuration"},
		{"GET", "/backend/followup/configs/tenant/" + string(acme), "tenant"},
		{"GET", "/backend/followup/runs?lead_id=" + lead, "lead"},
		{"GET", "/backend/followup/runs/" + run, "run"},
		{"POST", "/backend/followup/runs/" + run + "/cancel", "run"},
		{"GET", "/backend/leads/..%2F..%2Fx", "lead"},
	}
	for _, tt := range tests {
		h.want(do(t, h.public, request{method: tt.method, path: tt.path, key: otherKey, body: "{}"}), 404, notFound(tt.what))
		r := do(t, h.public, request{method: tt.method, path: tt.path, body: "{}"})
		h.want(r, 401, notAuthorized)
		if r.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("got WWW-Authenticate %q, want Bearer", r.header.Get("WWW-Authenticate"))
		}
		h.want(do(t, h.public, request{method: tt.method, path: tt.path, key: acmeKey + "x", body: "{}"}), 401, notAuthorized)
	}
	h.want(do(t, h.public, request{method: "POST", path: "/backend/followup/runs", key: otherKey, body: `{"lead_id":"` + lead + `"}`}), 404, leadNotFound)
	for _, path := range []string{"/backend/leads", "/backend/nothing", "/backend/followup/configs"} {
		h.want(do(t, h.public, request{method: "POST", path: path, body: "{}"}), 401, notAuthorized)
	}
	if r := h.call("GET", "/backend/followup/runs/"+run, ""); !strings.Contains(r.body, `"state":"armed"`) {
		t.Errorf("got %s, want the run still armed", r.body)
	}
}

// TestBackendErrorsOfTheEdge has the errors that are answered before a service is asked, and what
// is answered when the store is away. The log names no lead.
func TestBackendErrorsOfTheEdge(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	wrong := func(code, message, details string) string {
		return `{"success":false,"error":{"code":"` + code + `","message":"` + message + `","details":[` + details + `]}}`
	}
	r := h.call("PATCH", "/backend/leads", "{}")
	h.want(r, 405, wrong("METHOD_NOT_ALLOWED", "the route does not have this method", ""))
	if got := r.header.Get("Allow"); !strings.Contains(got, "GET") || !strings.Contains(got, "POST") {
		t.Errorf("got Allow %q, want GET and POST", got)
	}
	h.want(h.call("GET", "/backend/nothing", ""), 404, wrong("NOT_FOUND", "there is no such route", ""))
	h.want(h.call("POST", "/backend/leads", strings.Repeat(" ", 256<<10+1)), 413, wrong("PAYLOAD_TOO_LARGE", "the body is too large", ""))
	h.want(h.call("POST", "/backend/leads", strings.Repeat(" ", 4<<20+1)), 413, wrong("PAYLOAD_TOO_LARGE", "the body is too large", ""))
	h.want(do(t, h.public, request{method: "POST", path: "/backend/leads", key: acmeKey, body: "{}", header: map[string]string{"Content-Encoding": "gzip"}}),
		415, wrong("UNSUPPORTED_MEDIA_TYPE", "the body must not be compressed", ""))
	h.want(h.call("POST", "/backend/leads", "hello"), 400,
		wrong("VALIDATION_ERROR", "the request is not valid", `{"field":"body","problem":"must be a JSON object"}`))
	h.want(h.call("GET", "/backend/leads?limit=101&offset=-1", ""), 400, wrong("VALIDATION_ERROR", "the request is not valid",
		`{"field":"limit","problem":"must be a whole number from 1 to 100"},{"field":"offset","problem":"must be a whole number from 0 to 1073741824"}`))
	h.want(h.call("GET", "/backend/leads?search="+strings.Repeat("x", 101), ""), 400, wrong("VALIDATION_ERROR", "the request is not valid",
		`{"field":"search","problem":"must have at most 100 characters"}`))

	lead := h.lead()
	h.want(h.call("POST", "/backend/leads", `{"name":"Ana","phone":"+5511912345678"}`), 409,
		wrong("ALREADY_EXISTS", "a lead with this identity exists", `{"field":"phone","problem":"belongs to another lead"}`))
	h.store.gone = true
	for _, r := range []response{
		h.call("GET", "/backend/leads/"+lead, ""), h.call("PUT", "/backend/leads/"+lead, "{}"),
		h.call("POST", "/backend/leads", `{"name":"Bo","phone":"+5511912345679"}`),
		h.call("POST", "/backend/followup/runs", `{"lead_id":"`+lead+`"}`),
	} {
		h.want(r, 503, unavailable)
		if r.header.Get("Retry-After") != "2" {
			t.Errorf("got Retry-After %q, want 2", r.header.Get("Retry-After"))
		}
	}
	if log := h.log.String(); strings.Contains(log, lead) || strings.Contains(log, "5511912345679") {
		t.Errorf("got log %s, want one that does not name the lead", log)
	}
}

// TestRateLimitPerKey: each key has its own rate limit, and Retry-After tells when the next request
// is accepted.
func TestRateLimitPerKey(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{rate: 3})
	path := "/backend/leads/" + string(followup.NewLeadID())
	statuses := func(key string, n int) string {
		var got []int
		for range n {
			got = append(got, do(t, h.public, request{method: "GET", path: path, key: key}).status)
		}
		return fmt.Sprint(got)
	}
	if got := statuses(acmeKey, 4); got != "[404 404 404 429]" {
		t.Errorf("got %s, want three requests accepted and the fourth refused", got)
	}
	r := h.call("GET", path, "")
	h.want(r, 429, `{"success":false,"error":{"code":"RATE_LIMIT_EXCEEDED","message":"too many requests with this key","details":[],"retry_after":20}}`)
	if r.header.Get("Retry-After") != "20" {
		t.Errorf("got Retry-After %q, want 20", r.header.Get("Retry-After"))
	}
	if got := statuses(otherKey, 1); got != "[404]" {
		t.Errorf("another key: got %s, want it not limited", got)
	}
	if got := statuses("guess", 5); got != "[401 401 401 401 401]" {
		t.Errorf("unknown key: got %s, want 401 each time", got)
	}
	h.Advance(20 * time.Second)
	if got := statuses(acmeKey, 2); got != "[404 429]" {
		t.Errorf("after Retry-After: got %s, want one request accepted", got)
	}
	h.Advance(24 * time.Hour)
	if got := statuses(acmeKey, 4); got != "[404 404 404 429]" {
		t.Errorf("a day later: got %s, want no more than a minute's worth", got)
	}
}
