package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/gateway/internal/server"
)

// op sends a request to the admin listener, without a token.
func (h *harness) op(method, path, body string) response {
	h.t.Helper()
	return do(h.t, h.admin, request{method: method, path: path, body: body})
}

// TestReadiness: /readyz names each check that fails, with its error and the time since when it has
// failed. /livez is not affected.
func TestReadiness(t *testing.T) {
	t.Parallel()
	var redis error
	h := newHarness(t, settings{checks: []server.Check{
		{Name: "redis", Probe: func(context.Context) error { return redis }},
		{Name: "poller", Probe: func(context.Context) error { return nil }},
	}})
	h.want(h.op("GET", "/livez", ""), 200, "ok")
	ready := `{"ready":true,"checks":[{"name":"redis","ok":true,"error":null,"since":null},{"name":"poller","ok":true,"error":null,"since":null}]}`
	h.want(h.op("GET", "/readyz", ""), 200, ready)
	redis = errors.New("connection refused")
	down := `{"ready":false,"checks":[{"name":"redis","ok":false,"error":"connection refused","since":"2026-03-02T09:01:00Z"},` +
		`{"name":"poller","ok":true,"error":null,"since":null}]}`
	h.Advance(time.Minute)
	h.want(h.op("GET", "/readyz", ""), 503, down)
	h.Advance(time.Minute)
	h.want(h.op("GET", "/readyz", ""), 503, down)
	redis = nil
	h.want(h.op("GET", "/readyz", ""), 200, ready)
	redis = errors.New("connection refused")
	h.want(h.op("GET", "/readyz", ""), 503, strings.Replace(down, "09:01", "09:02", 1))
	h.want(h.op("GET", "/livez", ""), 200, "ok")
}

// TestAdminToken: with tokens configured, /api and /debug need one of them. /livez, /readyz and
// /metrics need none.
func TestAdminToken(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{tokens: []string{"operator", "operator-old"}})
	const refused = `{"success":false,"error":{"code":"UNAUTHORIZED","message":"the admin token is missing or not valid","details":[]}}`
	for _, path := range []string{"/api/dead", "/api/pauses?tenant=" + string(acme), "/debug/pprof/", "/debug/pprof/heap", "/api/nothing"} {
		for _, key := range []string{"", "guess", "operato", "operator2", acmeKey} {
			h.want(do(t, h.admin, request{method: "GET", path: path, key: key}), 401, refused)
		}
	}
	for _, path := range []string{"/api/dead", "/debug/pprof/", "/debug/pprof/cmdline"} {
		for _, key := range []string{"operator", "operator-old"} {
			if r := do(t, h.admin, request{method: "GET", path: path, key: key}); r.status != 200 {
				t.Errorf("%s with %s: got %d, want 200", path, key, r.status)
			}
		}
	}
	for _, path := range []string{"/livez", "/readyz", "/metrics"} {
		if r := do(t, h.admin, request{method: "GET", path: path}); r.status != 200 {
			t.Errorf("%s: got %d, want 200 without a token", path, r.status)
		}
	}
}

// TestMetricsAreExposed: /metrics has the webhook metrics, with every series from the start.
func TestMetricsAreExposed(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	r := h.op("GET", "/metrics", "")
	for _, want := range []string{
		"# HELP wagate_webhook_requests_total Webhook requests answered, by who sent them and what became of them.",
		"# HELP wagate_webhook_duration_seconds Time from the last byte of a webhook request to its answer.",
		`wagate_webhook_requests_total{outcome="unavailable",provider="meta"} 0`,
		`wagate_webhook_requests_total{outcome="unauthorized",provider="crm"} 0`,
		`wagate_webhook_duration_seconds_count{provider="gupshup"} 0`,
	} {
		if !strings.Contains(r.body, want) {
			t.Errorf("got no line %q, want it in /metrics", want)
		}
	}
}

// TestPauses: a tenant or one channel of it can be paused, listed and resumed. Unknown tenants and
// channels, and bodies that are not valid, are refused.
func TestPauses(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	whole := `{"tenant_id":"` + string(acme) + `"}`
	one := `{"tenant_id":"` + string(acme) + `","channel_id":"` + string(front) + `"}`
	h.want(h.op("POST", "/api/pause", whole), 200, `{"tenant_id":"`+string(acme)+`","channel_id":null,"paused":true}`)
	h.want(h.op("POST", "/api/pause", one), 200, `{"tenant_id":"`+string(acme)+`","channel_id":"`+string(front)+`","paused":true}`)
	h.want(h.op("GET", "/api/pauses?tenant="+string(acme), ""), 200, `{"data":[{"tenant_id":"`+string(acme)+`","channel_id":null,"paused":true},`+
		`{"tenant_id":"`+string(acme)+`","channel_id":"`+string(front)+`","paused":true}],"pagination":{"total":2,"limit":50,"offset":0,"has_more":false}}`)
	h.want(h.op("POST", "/api/resume", whole), 200, `{"tenant_id":"`+string(acme)+`","channel_id":null,"paused":false,"channels_paused":1}`)
	if r := h.op("GET", "/api/pauses?tenant="+string(acme), ""); !strings.Contains(r.body, `"total":1`) {
		t.Errorf("got %s, want only the channel", r.body)
	}
	h.op("POST", "/api/pause", whole)
	h.store.gone = true
	h.want(h.op("POST", "/api/resume", one), 503, unavailable)
	h.store.gone = false
	if r := h.op("GET", "/api/pauses?tenant="+string(acme), ""); !strings.Contains(r.body, `"total":2`) {
		t.Errorf("got %s, want the channel still paused, as the store did not say what else is", r.body)
	}
	for range 2 { // the second one finds only the tenant paused
		h.want(h.op("POST", "/api/resume", one), 200, `{"tenant_id":"`+string(acme)+`","channel_id":"`+string(front)+`","paused":false,"tenant_paused":true}`)
	}
	h.want(h.op("POST", "/api/resume", whole), 200, `{"tenant_id":"`+string(acme)+`","channel_id":null,"paused":false}`)
	h.want(h.op("POST", "/api/resume", one), 200, `{"tenant_id":"`+string(acme)+`","channel_id":"`+string(front)+`","paused":false}`)
	h.want(h.op("POST", "/api/pause", `{"tenant_id":"nobody"}`), 404, notFound("tenant"))
	h.want(h.op("POST", "/api/pause", `{"tenant_id":"`+string(other)+`","channel_id":"`+string(front)+`"}`), 404, notFound("channel"))
	h.want(h.op("POST", "/api/pause", `{"channel":1,"channel_id":2}`), 400, `{"success":false,"error":{"code":"VALIDATION_ERROR",`+
		`"message":"the request is not valid","details":[{"field":"channel","problem":"is not a known field"},`+
		`{"field":"channel_id","problem":"must be a string"},{"field":"tenant_id","problem":"is required"}]}}`)
	h.want(h.op("POST", "/api/pause", `[]`), 400, `{"success":false,"error":{"code":"VALIDATION_ERROR",`+
		`"message":"the request is not valid","details":[{"field":"body","problem":"must be a JSON object"}]}}`)
	h.want(h.op("GET", "/api/pauses", ""), 400, `{"success":false,"error":{"code":"MISSING_FIELD",`+
		`"message":"a required field is missing","details":[{"field":"tenant","problem":"is required"}]}}`)
}

// TestPauseOfEmptyChannelIsRefused: a channel_id that is given and empty (a script's variable that
// is not set, say) is refused. It does not mean the whole tenant: that would pause or resume
// everything where one channel was meant.
func TestPauseOfEmptyChannelIsRefused(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	whole := `{"tenant_id":"` + string(acme) + `","channel_id":null}`
	empty := `{"tenant_id":"` + string(acme) + `","channel_id":""}`
	refused := `{"success":false,"error":{"code":"VALIDATION_ERROR","message":"the request is not valid",` +
		`"details":[{"field":"channel_id","problem":"must not be empty"}]}}`
	h.want(h.op("POST", "/api/pause", empty), 400, refused)
	if r := h.op("GET", "/api/pauses?tenant="+string(acme), ""); !strings.Contains(r.body, `"total":0`) {
		t.Errorf("got %s, want nothing paused", r.body)
	}
	h.want(h.op("POST", "/api/pause", whole), 200, `{"tenant_id":"`+string(acme)+`","channel_id":null,"paused":true}`)
	h.want(h.op("POST", "/api/resume", empty), 400, refused)
	if r := h.op("GET", "/api/pauses?tenant="+string(acme), ""); !strings.Contains(r.body, `"total":1`) {
		t.Errorf("got %s, want the tenant still paused", r.body)
	}
	h.want(h.op("POST", "/api/resume", whole), 200, `{"tenant_id":"`+string(acme)+`","channel_id":null,"paused":false}`)
	h.want(h.op("POST", "/api/pause", `{"channel_id":""}`), 400, `{"success":false,"error":{"code":"VALIDATION_ERROR",`+
		`"message":"the request is not valid","details":[{"field":"channel_id","problem":"must not be empty"},`+
		`{"field":"tenant_id","problem":"is required"}]}}`)
}

// TestResumeOfChannelMissingFromFile: a paused channel that is missing from the operator's file can
// be resumed, because the list of pauses has it. It cannot be paused.
func TestResumeOfChannelMissingFromFile(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	const gone followup.ChannelID = "a0000000-0000-4000-8000-0000000000c9"
	body := func(id string) string { return `{"tenant_id":"` + string(acme) + `","channel_id":"` + id + `"}` }
	if err := h.store.Pause(t.Context(), acme, gone, true); err != nil {
		t.Fatal(err)
	}
	h.want(h.op("POST", "/api/pause", body(string(gone))), 404, notFound("channel"))
	h.want(h.op("POST", "/api/resume", `{"tenant_id":"`+string(other)+`","channel_id":"`+string(gone)+`"}`), 404, notFound("channel"))
	h.want(h.op("POST", "/api/resume", body(strings.ToUpper(string(gone)))), 200,
		`{"tenant_id":"`+string(acme)+`","channel_id":"`+string(gone)+`","paused":false}`)
	if r := h.op("GET", "/api/pauses?tenant="+string(acme), ""); !strings.Contains(r.body, `"total":0`) {
		t.Errorf("got %s, want nothing paused", r.body)
	}
	h.want(h.op("POST", "/api/resume", body(string(gone))), 404, notFound("channel"))
	h.store.gone = true
	h.want(h.op("POST", "/api/resume", body(string(gone))), 503, unavailable)
}

// TestOperatorSeesRuns: the admin API shows a run and a lead's runs as the tenant's API does.
func TestOperatorSeesRuns(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	lead := h.lead()
	h.config()
	r := h.call("POST", "/backend/followup/runs", `{"lead_id":"`+lead+`"}`)
	run := idOf(t, r)
	h.want(h.op("GET", "/api/runs/"+run+"?tenant="+string(acme), ""), 200, r.body)
	h.want(h.op("GET", "/api/runs?tenant="+string(acme)+"&lead="+lead, ""), 200,
		`{"data":[`+r.body+`],"pagination":{"total":1,"limit":50,"offset":0,"has_more":false}}`)
	h.want(h.op("GET", "/api/runs/"+run+"?tenant="+string(other), ""), 404, notFound("run"))
	h.want(h.op("GET", "/api/runs?tenant="+string(acme), ""), 400, `{"success":false,"error":{"code":"MISSING_FIELD",`+
		`"message":"a required field is missing","details":[{"field":"lead","problem":"is required"}]}}`)
}

// support is another assistant of acme.
const support followup.AssistantID = "a0000000-0000-4000-8000-0000000000a2"

// makeDead makes n dead letters of sales, each of a different lead.
func (h *harness) makeDead(n int) {
	h.t.Helper()
	h.makeDeadOf(sales, n)
}

// makeDeadOf makes n dead letters of an assistant, each of a different lead.
func (h *harness) makeDeadOf(a followup.AssistantID, n int) {
	h.t.Helper()
	ctx := h.t.Context()
	for i := range n {
		id, err := h.store.Resolve(ctx, acme, followup.Identity{ExternalID: fmt.Sprint("dead ", a, i)}, true, h.Now())
		if err != nil {
			h.t.Fatal(err)
		}
		_, err = h.store.Settle(ctx, followup.Settlement{Tenant: acme, Lead: id, Now: h.Now(), Real: h.Now(), Items: []followup.Item{{
			Channel: front, Assistant: a, Relay: &followup.RelayEvent{Channel: front, Field: "messages", Value: fmt.Appendf(nil, `{"at":%d}`, h.Now().UnixNano())},
		}}})
		if err != nil {
			h.t.Fatal(err)
		}
	}
	deliveries, _, err := h.store.ClaimDeliveries(ctx, followup.ClaimDeliveries{Real: h.Now(), Limit: n, MaxEvents: 1, Lease: time.Minute})
	if err != nil || len(deliveries) != n {
		h.t.Fatalf("got %d deliveries (%v), want %d", len(deliveries), err, n)
	}
	for _, d := range deliveries {
		h.Advance(time.Second)
		if err := h.store.FinishDelivery(ctx, followup.FinishDelivery{Delivery: d, Dead: "rejected", Real: h.Now()}); err != nil {
			h.t.Fatal(err)
		}
	}
}

// TestDeadLetters: dead letters are listed, newest first, and can be shown, replayed and dropped
// one by one.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	h.makeDead(3)
	type list struct {
		Data       []followup.DeadLetter
		Pagination struct{ Total, Limit, Offset int }
	}
	read := func(query string) (l list) {
		t.Helper()
		r := h.op("GET", "/api/dead"+query, "")
		if err := json.Unmarshal([]byte(r.body), &l); err != nil || r.status != 200 {
			t.Fatalf("got %d %s", r.status, r.body)
		}
		return l
	}
	all := read("?limit=2")
	if len(all.Data) != 2 || all.Pagination.Total != 3 || all.Data[0].DeadAt.Before(all.Data[1].DeadAt) {
		t.Fatalf("got %+v, want the 2 newest of 3", all)
	}
	if l := read("?tenant=" + string(other)); len(l.Data) != 0 {
		t.Errorf("another tenant's: got %+v, want none", l)
	}
	letter := "/api/dead/" + all.Data[0].ID
	if r := h.op("GET", letter, ""); r.status != 200 || !strings.Contains(r.body, `"events":[{`) {
		t.Errorf("got %d %s, want the letter with its events", r.status, r.body)
	}
	h.want(h.op("POST", letter+"/replay", ""), 200, `{"replayed":1}`)
	h.want(h.op("POST", letter+"/replay", ""), 404, notFound("dead letter"))
	h.want(h.op("DELETE", "/api/dead/"+all.Data[1].ID, ""), 204, "")
	h.want(h.op("DELETE", "/api/dead/"+all.Data[1].ID, ""), 404, notFound("dead letter"))
	h.want(h.op("GET", "/api/dead/x", ""), 404, notFound("dead letter"))
	if got := read("").Pagination.Total; got != 1 {
		t.Errorf("got %d dead letters left, want 1", got)
	}
	h.store.gone = true
	h.want(h.op("GET", "/api/dead", ""), 503, unavailable)
}

// TestReplayAll: all dead letters of a tenant, or of all tenants, are replayed with one request,
// whatever their number.
func TestReplayAll(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	h.makeDead(1030) // more than two pages
	h.want(h.op("POST", "/api/dead/replay?tenant="+string(other), ""), 200, `{"replayed":0}`)
	h.want(h.op("POST", "/api/dead/replay?tenant="+string(acme), ""), 200, `{"replayed":1030}`)
	h.want(h.op("POST", "/api/dead/replay", ""), 200, `{"replayed":0}`)
	stats, err := h.store.Stats(t.Context(), h.Now(), h.Now())
	if err != nil || stats.RelayDead != 0 || stats.RelayPending != 1030 {
		t.Errorf("got %+v, %v, want 1030 pending and none dead", stats, err)
	}
}

// TestBulkSkipsLettersTakenMeanwhile: a bulk replay or drop skips the dead letters that another
// operator takes meanwhile. The relay is woken once for what was replayed.
func TestBulkSkipsLettersTakenMeanwhile(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	for verb, told := range map[string]int{"replay": 1, "drop": 0} {
		h.makeDead(3)
		h.replayed = 0
		h.store.listed = func(letters []followup.DeadLetter) {
			h.store.listed = nil
			if err := h.store.DropDead(t.Context(), letters[1].ID); err != nil {
				t.Error(err)
			}
		}
		h.want(h.op("POST", "/api/dead/"+verb, ""), 200, fmt.Sprintf(`{"%s":2}`, map[string]string{"replay": "replayed", "drop": "dropped"}[verb]))
		if h.replayed != told {
			t.Errorf("%s: got the relay woken %d times, want %d", verb, h.replayed, told)
		}
	}
}

// TestReplayAllKeepsTheOrder: the dead letters of one conversation are replayed in the order in
// which they died.
func TestReplayAllKeepsTheOrder(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	h.makeDead(1)
	h.makeDead(1)
	h.want(h.op("POST", "/api/dead/replay", ""), 200, `{"replayed":2}`)
	ds, _, err := h.store.ClaimDeliveries(t.Context(), followup.ClaimDeliveries{Real: h.Now(), Limit: 10, MaxEvents: 10, Lease: time.Minute})
	if err != nil || len(ds) != 1 || len(ds[0].Events) != 2 {
		t.Fatalf("got %+v (%v), want one delivery of two events", ds, err)
	}
	if a, b := string(ds[0].Events[0].Value), string(ds[0].Events[1].Value); a >= b {
		t.Errorf("got %s before %s, want them in the order in which they died", a, b)
	}
}

// TestDropAll: dead letters are dropped in bulk, narrowed to a tenant and an assistant if these are
// given.
func TestDropAll(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	h.makeDead(630)
	for query, want := range map[string]string{
		"?tenant=" + string(other):                                 `{"dropped":0}`,
		"?assistant=" + string(support):                            `{"dropped":0}`,
		"?tenant=" + string(other) + "&assistant=" + string(sales): `{"dropped":0}`,
	} {
		h.want(h.op("POST", "/api/dead/drop"+query, ""), 200, want)
	}
	h.want(h.op("POST", "/api/dead/drop?tenant="+string(acme)+"&assistant="+string(sales), ""), 200, `{"dropped":630}`)
	h.want(h.op("POST", "/api/dead/drop", ""), 200, `{"dropped":0}`)
	stats, err := h.store.Stats(t.Context(), h.Now(), h.Now())
	if err != nil || stats.RelayDead != 0 || stats.RelayPending != 0 {
		t.Errorf("got %+v, %v, want none dead and none pending", stats, err)
	}
	h.makeDead(1)
	h.store.gone = true
	h.want(h.op("POST", "/api/dead/drop", ""), 503, unavailable)
	h.store.gone = false
	h.want(h.op("POST", "/api/dead/drop", ""), 200, `{"dropped":1}`)
}

// TestDeadLetterFilterErrors: a filter that is empty, given twice or unknown is refused. It does
// not mean all dead letters.
func TestDeadLetterFilterErrors(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	h.makeDead(2)
	for query, problem := range map[string]string{
		"?assistant=":             `{"field":"assistant","problem":"must not be empty"}`,
		"?tenant=":                `{"field":"tenant","problem":"must not be empty"}`,
		"?tenant=&tenant=x":       `{"field":"tenant","problem":"must be given once"}`,
		"?tenant=a&tenant=b":      `{"field":"tenant","problem":"must be given once"}`,
		"?assistant=&assistant=x": `{"field":"assistant","problem":"must be given once"}`,
		"?asistant=x":             `{"field":"asistant","problem":"is not known"}`,
	} {
		refused := `{"success":false,"error":{"code":"VALIDATION_ERROR","message":"the request is not valid","details":[` + problem + `]}}`
		h.want(h.op("POST", "/api/dead/drop"+query, ""), 400, refused)
		h.want(h.op("POST", "/api/dead/replay"+query, ""), 400, refused)
		h.want(h.op("GET", "/api/dead"+query, ""), 400, refused)
	}
	h.want(h.op("POST", "/api/dead/drop", ""), 200, `{"dropped":2}`)
}

// TestDeadLettersOfAssistant: one assistant's dead letters are listed and replayed without those of
// the others.
func TestDeadLettersOfAssistant(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	h.makeDead(3)
	h.makeDeadOf(support, 2)
	page := func(query string) string {
		t.Helper()
		var l struct {
			Data       []followup.DeadLetter
			Pagination struct{ Total, Limit, Offset int }
		}
		r := h.op("GET", "/api/dead"+query, "")
		if err := json.Unmarshal([]byte(r.body), &l); err != nil || r.status != 200 {
			t.Fatalf("got %d %s", r.status, r.body)
		}
		out := fmt.Sprint(l.Pagination.Total)
		for _, d := range l.Data {
			out += " " + map[followup.AssistantID]string{sales: "sales", support: "support"}[d.Assistant]
		}
		return out
	}
	for query, want := range map[string]string{
		"":                              "5 support support sales sales sales",
		"?assistant=" + string(sales):   "3 sales sales sales",
		"?assistant=" + string(support): "2 support support",
		"?limit=2&offset=1&assistant=" + string(sales):             "3 sales sales",
		"?limit=2&offset=3&assistant=" + string(sales):             "3",
		"?tenant=" + string(other) + "&assistant=" + string(sales): "0",
	} {
		if got := page(query); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	h.want(h.op("GET", "/api/dead?limit=0&assistant=", ""), 400, `{"success":false,"error":{"code":"VALIDATION_ERROR",`+
		`"message":"the request is not valid","details":[{"field":"limit","problem":"must be a whole number from 1 to 100"},`+
		`{"field":"assistant","problem":"must not be empty"}]}}`)
	h.want(h.op("POST", "/api/dead/replay?assistant="+string(support), ""), 200, `{"replayed":2}`)
	if got, want := page(""), "3 sales sales sales"; got != want {
		t.Errorf("after the replay: got %s, want %s", got, want)
	}
}

// TestScrapeThenStop: a scrape leaves no goroutine behind that still uses the server while the
// server stops. The race detector would report it.
func TestScrapeThenStop(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- h.admin.Listener(l) }()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 20 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("got status %d, want 200", res.StatusCode)
		}
	}
	if err := h.admin.ShutdownWithContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestLogTellsWhatOperatorDid: the log has what operators changed, so that one can find out later
// why nothing is sent or where events are. Requests that changed nothing are not logged.
func TestLogTellsWhatOperatorDid(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	h.makeDead(4)
	letters, _, err := h.store.DeadLetters(t.Context(), acme, 4, 0)
	if err != nil {
		t.Fatal(err)
	}
	whole := `{"tenant_id":"` + string(acme) + `"}`
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "/api/pause", whole, `msg="sending paused or resumed" component=admin tenant=` + string(acme) + ` channel="" paused=true`},
		{"POST", "/api/resume", whole, `paused=false`},
		{"POST", "/api/pause", `{}`, ""},
		{"POST", "/api/dead/" + letters[0].ID + "/replay", "", `msg="dead letter replayed" component=admin id=` + letters[0].ID},
		{"POST", "/api/dead/" + letters[0].ID + "/replay", "", ""},
		{"DELETE", "/api/dead/" + letters[1].ID, "", `msg="dead letter dropped" component=admin id=` + letters[1].ID},
		{"POST", "/api/dead/replay?tenant=" + string(other), "", ""},
		{"POST", "/api/dead/drop?tenant=" + string(acme), "", `msg="dead letters dropped" component=admin count=2 tenant=` + string(acme) + ` assistant=""`},
		{"POST", "/api/dead/drop", "", ""},
	} {
		h.log.Reset()
		h.op(c.method, c.path, c.body)
		if got := h.log.String(); !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("%s %s %s: got %q in the log, want %q", c.method, c.path, c.body, got, c.want)
		}
	}
}
