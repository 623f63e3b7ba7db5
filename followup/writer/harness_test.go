package writer_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"wagate/followup"
	"wagate/followup/writer"
	"wagate/followup/writer/modeltest"
)

const (
	key     = "sk-invented-0000000000"
	private = "o preço combinado em segredo"
)

// fixture is a writer, the model it asks, and what it counted and logged.
type fixture struct {
	*writer.Writer
	model    *modeltest.Server
	registry *prometheus.Registry
	log      *bytes.Buffer
}

// start starts a model server that answers from script and a writer that asks it. edit, if not nil,
// changes the writer's Params.
func start(t *testing.T, edit func(*writer.Params), script ...modeltest.Answer) fixture {
	t.Helper()
	m, err := modeltest.Start(nil, script...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	f := fixture{model: m, registry: prometheus.NewRegistry(), log: &bytes.Buffer{}}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	p := writer.Params{
		BaseURL: m.URL(), APIKey: key, Model: "small-1", Timeout: time.Minute,
		BackOff: func() backoff.BackOff { return &backoff.ZeroBackOff{} }, Transport: transport, Registerer: f.registry,
		Logger: slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if edit != nil {
		edit(&p)
	}
	f.Writer = writer.New(p)
	return f
}

// brief is a step in the middle of a conversation; its history holds private.
func brief() followup.Brief {
	return followup.Brief{
		Company: "Acme", Prompt: "Pergunte se ainda há interesse no orçamento", Step: 1, Steps: 3,
		History: []followup.Entry{{From: followup.FromLead, Text: private}, {From: followup.FromBusiness, Text: "Posso ajudar em mais alguma coisa hoje?"}},
	}
}

// wantRequests checks the counter of requests by outcome. An outcome that is not in want must be 0.
func (f fixture) wantRequests(t *testing.T, want map[string]int) {
	t.Helper()
	var b strings.Builder
	b.WriteString("# HELP wagate_ai_requests_total Requests to the model, by how they ended.\n# TYPE wagate_ai_requests_total counter\n")
	for _, o := range []string{"breaker_open", "cancelled", "error", "ok", "rejected", "throttled", "timeout", "unusable"} {
		fmt.Fprintf(&b, "wagate_ai_requests_total{outcome=%q} %d\n", o, want[o])
	}
	if err := testutil.GatherAndCompare(f.registry, strings.NewReader(b.String()), "wagate_ai_requests_total"); err != nil {
		t.Error(err)
	}
}

// wantNoSecrets checks I11: neither the error nor the log has a text, a key or the model's URL.
func (f fixture) wantNoSecrets(t *testing.T, err error) {
	t.Helper()
	told := f.log.String()
	if err != nil {
		told += err.Error()
	}
	for _, secret := range []string{private, key, "0000000000", "Acme", "orçamento", "quoted back", f.model.URL()} {
		if strings.Contains(told, secret) {
			t.Errorf("I11: got %q in the error or log: %s", secret, told)
		}
	}
}

// roundTrip is an http.RoundTripper without a socket, for synctest bubbles.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// respond returns a response with this status and body.
func respond(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}
