package server_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"wagate/gateway/internal/backendtest"
	"wagate/gateway/internal/webhook"
)

// TestMetaHandshake: the challenge is echoed as plain text, and only to the app's own verify token.
func TestMetaHandshake(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	r := do(t, h.public, request{method: "GET", path: "/webhooks/meta/main?hub.mode=subscribe&hub.verify_token=verify+me&hub.challenge=1158201444"})
	h.want(r, 200, "1158201444")
	if got := r.header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("got content type %q, want plain text", got)
	}
	if got := r.header.Get("Server"); got != "" {
		t.Errorf("got server header %q, want none", got)
	}
	h.want(do(t, h.public, request{method: "GET", path: "/webhooks/meta/main?hub.mode=subscribe&hub.verify_token=guess&hub.challenge=1"}), 403, "forbidden")
	h.want(do(t, h.public, request{method: "GET", path: "/webhooks/meta/none?hub.mode=subscribe&hub.verify_token=verify+me&hub.challenge=1"}), 404, "not found")
	h.want(do(t, h.public, request{method: "PUT", path: "/webhooks/meta/main"}), 405, "the route does not have this method")
}

// signed is the header of what the app sends.
var signed = map[string]string{"X-Hub-Signature-256": "sha256=right"}

// TestProvidersWebhooks has how webhooks of Meta and Gupshup are answered, and which of them are
// passed on. Only our own failures are logged.
func TestProvidersWebhooks(t *testing.T) {
	t.Parallel()
	with := func(token string) map[string]string { return map[string]string{"X-Callback-Token": token} }
	gupshup := "/webhooks/gupshup/" + string(front)
	tests := []struct {
		name   string
		r      request
		err    error
		status int
		body   string
		kept   bool
	}{
		{"signed", request{method: "POST", path: "/webhooks/meta/main", header: signed, body: "{}"}, nil, 200, "", true},
		{"unsigned", request{method: "POST", path: "/webhooks/meta/main", body: "{}"}, nil, 401, "unauthorized", false},
		{"unknown app", request{method: "POST", path: "/webhooks/meta/none", header: signed, body: "{}"}, nil, 404, "not found", false},
		{"malformed", request{method: "POST", path: "/webhooks/meta/main", header: signed, body: "{"}, webhook.ErrMalformed, 400, "malformed", true},
		{"not stored", request{method: "POST", path: "/webhooks/meta/main", header: signed, body: "{}"}, fmt.Errorf("settle: %w", errors.New("refused")), 503, "unavailable", true},
		{"unavailable", request{method: "POST", path: "/webhooks/meta/main", header: signed, body: "{}"}, webhook.ErrUnavailable, 503, "unavailable", true},
		{"compressed", request{method: "POST", path: "/webhooks/meta/main", header: map[string]string{
			"X-Hub-Signature-256": "sha256=right", "Content-Encoding": "gzip",
		}, body: "{}"}, nil, 415, "the body must not be compressed", false},
		{"Meta's largest", request{method: "POST", path: "/webhooks/meta/main", header: signed, body: strings.Repeat(" ", 3<<20+1000)}, nil, 200, "", true},
		{"too large", request{method: "POST", path: "/webhooks/meta/main", header: signed, body: strings.Repeat(" ", 4<<20+1)}, nil, 413, "the body is too large", false},
		{"token in the header", request{method: "POST", path: gupshup, header: with("callback token"), body: "{}"}, nil, 200, "", true},
		{"token in the URL", request{method: "POST", path: gupshup + "?token=callback+token", body: "{}"}, nil, 200, "", true},
		{"wrong token", request{method: "POST", path: gupshup, header: with("guess"), body: "{}"}, nil, 401, "unauthorized", false},
		{"no token", request{method: "POST", path: gupshup, body: "{}"}, nil, 401, "unauthorized", false},
		{"unknown channel", request{method: "POST", path: "/webhooks/gupshup/messages", header: with("callback token")}, nil, 404, "not found", false},
		{"unknown provider", request{method: "POST", path: "/webhooks/fax/1"}, nil, 404, "there is no such route", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, settings{})
			h.webhooks.err = tt.err
			r := do(t, h.public, tt.r)
			h.want(r, tt.status, tt.body)
			if got := len(h.webhooks.got()) > 0; got != tt.kept {
				t.Errorf("got passed on %v, want %v", got, tt.kept)
			}
			if tt.kept && string(h.webhooks.got()[0]) != tt.r.body {
				t.Error("got other bytes passed on than were received")
			}
			if got := r.header.Get("Retry-After") != ""; got != (tt.status == 503) {
				t.Errorf("got Retry-After present %v with status %d, want it with 503 only", got, tt.status)
			}
			if got := strings.Count(h.log.String(), "\n"); (got == 1) != (tt.status == 503) || got > 1 {
				t.Errorf("got %d lines in the log with status %d, want one with 503 only: %s", got, tt.status, h.log)
			}
		})
	}
}

// TestBodiesOutliveTheirRequests: Fiber reuses a request's buffers for the next request. What was
// passed on must not change.
func TestBodiesOutliveTheirRequests(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	for i := range 20 {
		body := strings.Repeat(string(rune('a'+i)), 100)
		do(t, h.public, request{method: "POST", path: "/webhooks/meta/main", header: map[string]string{
			"X-Hub-Signature-256": "sha256=right", "User-Agent": body,
		}, body: body})
		do(t, h.public, request{method: "POST", path: "/v26.0/" + strings.Repeat(string(rune('0'+i%10)), 15) + "/messages", key: acmeKey, body: body})
	}
	for i := range 20 {
		body := strings.Repeat(string(rune('a'+i)), 100)
		if got := string(h.webhooks.got()[i]); got != body {
			t.Errorf("webhook %d: got %.10s…, want %.10s…", i, got, body)
		}
		if got := h.webhooks.agents[i]; got != body {
			t.Errorf("webhook %d: got user agent %.10s…, want %.10s…", i, got, body)
		}
		m := h.messages.got[i]
		if string(m.Body) != body || m.Number != strings.Repeat(string(rune('0'+i%10)), 15) {
			t.Errorf("message %d: got %+v, want its own body and number", i, m)
		}
	}
}

// TestRequestsHaveADeadline: a handler's context has a deadline, and ends with the request.
func TestRequestsHaveADeadline(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	do(t, h.public, request{method: "POST", path: "/webhooks/meta/main", header: signed, body: "{}"})
	if _, ok := h.webhooks.ctx.Deadline(); !ok {
		t.Error("got a context without a deadline, want one")
	}
	if h.webhooks.ctx.Err() == nil {
		t.Error("the context has not ended with its request")
	}
}

// TestI11PanicTellsNothing: a panic is answered 500. The log has the stack, but not the panic's
// value.
func TestI11PanicTellsNothing(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	h.webhooks.crash = true
	h.want(do(t, h.public, request{method: "POST", path: "/webhooks/meta/main", header: signed, body: "{}"}), 500, "an internal error occurred")
	if log := h.log.String(); !strings.Contains(log, "handler panicked") || strings.Contains(log, "5511912345678") {
		t.Errorf("got log %q, want the stack without the value", log)
	}
}

// crm returns a signed CRM webhook for acme.
func crm(body string) request {
	return request{
		method: "POST", path: "/webhooks/crm/" + string(acme), body: body,
		header: map[string]string{"X-Leavo-Signature": backendtest.SignCRM(crmSecret, body)},
	}
}

// TestCRMWebhook has how CRM webhooks are answered.
func TestCRMWebhook(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	created := `{"event":"lead.created","timestamp":"2026-03-02T08:00:00Z","data":{"external_id":"e1","phone":"+5511912345678"}}`
	h.want(do(t, h.public, crm(created)), 200, `{"success":true,"outcome":"applied"}`)
	h.want(do(t, h.public, crm(created)), 200, `{"success":true,"outcome":"stale"}`)
	h.want(do(t, h.public, crm(`{"event":"lead.deleted"}`)), 200, `{"success":true,"outcome":"ignored"}`)
	h.want(do(t, h.public, crm(`{"event":"lead.created","data":{}}`)), 400,
		`{"success":false,"error":{"code":"MISSING_FIELD","message":"a required field is missing","details":[`+
			`{"field":"timestamp","problem":"is required"},{"field":"data.phone","problem":"is required, unless user_id or external_id is given"}]}}`)
	unsigned := crm(created)
	unsigned.header = nil
	h.want(do(t, h.public, unsigned), 401,
		`{"success":false,"error":{"code":"UNAUTHORIZED","message":"the signature does not fit the body","details":[]}}`)
	foreign := crm(created)
	foreign.path = "/webhooks/crm/" + string(other)
	h.want(do(t, h.public, foreign), 404, `{"success":false,"error":{"code":"NOT_FOUND","message":"webhook not found","details":[]}}`)
	h.want(do(t, h.public, crm(strings.Repeat(" ", 256<<10+1))), 413,
		`{"success":false,"error":{"code":"PAYLOAD_TOO_LARGE","message":"the body is too large","details":[]}}`)
	h.store.gone = true
	r := do(t, h.public, crm(`{"event":"lead.updated","timestamp":"2026-03-02T08:00:01Z","data":{"external_id":"e1"}}`))
	h.want(r, 503, `{"success":false,"error":{"code":"UNAVAILABLE","message":"the service is temporarily unavailable","details":[],"retry_after":2}}`)
	if r.header.Get("Retry-After") != "2" {
		t.Errorf("got Retry-After %q, want 2", r.header.Get("Retry-After"))
	}
}

// counted returns the number of webhook requests by "provider outcome", and how many durations were
// observed.
func (h *harness) counted() (requests map[string]float64, observed uint64) {
	h.t.Helper()
	families, err := h.Registry.Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	requests = map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			switch f.GetName() {
			case "wagate_webhook_requests_total":
				if v := m.GetCounter().GetValue(); v > 0 { // labels are sorted: outcome, provider
					requests[m.GetLabel()[1].GetValue()+" "+m.GetLabel()[0].GetValue()] = v
				}
			case "wagate_webhook_duration_seconds":
				observed += m.GetHistogram().GetSampleCount()
			}
		}
	}
	return requests, observed
}

// TestWebhookMetrics: every webhook request is counted by provider and outcome. Only those that
// reach a handler have a duration.
func TestWebhookMetrics(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	if n := testutil.CollectAndCount(h.Registry, "wagate_webhook_requests_total"); n != 3*14 {
		t.Errorf("got %d series at start, want 42: every provider and outcome", n)
	}
	for _, r := range []request{
		{method: "GET", path: "/webhooks/meta/main?hub.mode=subscribe&hub.verify_token=verify+me&hub.challenge=1"},
		{method: "GET", path: "/webhooks/meta/main"},
		{method: "POST", path: "/webhooks/meta/main", header: signed},
		{method: "POST", path: "/webhooks/meta/main"},
		{method: "POST", path: "/webhooks/meta/main", header: signed, body: strings.Repeat(" ", 4<<20+1)},
		{method: "POST", path: "/webhooks/meta/main", header: map[string]string{"Content-Encoding": "br"}},
		{method: "DELETE", path: "/webhooks/meta/main"},
		{method: "POST", path: "/webhooks/gupshup/none"},
		crm(`{"event":"message.sent"}`),
		crm(`{`),
	} {
		do(t, h.public, r)
	}
	h.webhooks.crash = true
	do(t, h.public, request{method: "POST", path: "/webhooks/meta/main", header: signed})
	got, observed := h.counted()
	want := map[string]float64{
		"meta handshake": 1, "meta forbidden": 1, "meta ok": 1, "meta unauthorized": 1, "meta too_large": 1,
		"meta unsupported": 1, "meta error": 1, "gupshup unknown": 1, "crm ignored": 1, "crm malformed": 1,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if observed != 5 {
		t.Errorf("got %d durations, want 5: one per request that reached a handler", observed)
	}
}

// TestUnknownPathsAreJSON: an unknown path is answered 404 with our error body, also if the admin
// listener has it.
func TestUnknownPathsAreJSON(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	for _, path := range []string{"/", "/backend", "/foo/123/media", "/foo/messages", "/metrics", "/livez", "/api/dead", "/debug/pprof/"} {
		r := do(t, h.public, request{method: http.MethodPost, path: path, key: acmeKey, body: "{}"})
		h.want(r, 404, `{"success":false,"error":{"code":"NOT_FOUND","message":"there is no such route","details":[]}}`)
	}
}
