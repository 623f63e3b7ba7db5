package relay

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"wagate/followup"
	"wagate/followup/memstore"
)

const (
	tenant  followup.TenantID  = "11111111-1111-4111-8111-111111111111"
	channel followup.ChannelID = "22222222-2222-4222-8222-222222222222"
)

// patience bounds every wait for something that must happen.
const patience = 2 * time.Minute

var start = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

// assistantID returns the n-th assistant's id.
func assistantID(n int) followup.AssistantID {
	return followup.AssistantID(fmt.Sprintf("33333333-3333-4333-8333-%012d", n))
}

// tenantID returns the n-th tenant's id. Tests of the slots' bounds use it.
func tenantID(n int) followup.TenantID {
	return followup.TenantID(fmt.Sprintf("44444444-4444-4444-8444-%012d", n))
}

// request is one delivery as an assistant received it.
type request struct {
	header http.Header
	body   []byte
	http   *http.Request
}

// changes returns the value of each change in the delivery, in order.
func (r request) changes(t *testing.T) []string {
	t.Helper()
	var b struct {
		Entry []struct {
			Changes []struct{ Value json.RawMessage }
		}
	}
	if err := json.Unmarshal(r.body, &b); err != nil {
		t.Fatalf("body: %v", err)
	}
	var out []string
	for _, e := range b.Entry {
		for _, c := range e.Changes {
			out = append(out, string(c.Value))
		}
	}
	return out
}

// assistant is an HTTP server that records its requests and calls a function to answer them.
type assistant struct {
	url  string
	mu   sync.Mutex
	seen []request
	got  chan request
}

// newAssistant starts an assistant. answer is called with the number of the request, from 1; if it
// is nil, every answer is 200.
func newAssistant(t *testing.T, answer func(n int, w http.ResponseWriter, r request)) *assistant {
	t.Helper()
	a := &assistant{got: make(chan request, 10_000)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		req := request{header: r.Header.Clone(), body: body, http: r}
		a.mu.Lock()
		a.seen = append(a.seen, req)
		n := len(a.seen)
		a.mu.Unlock()
		if answer != nil {
			answer(n, w, req)
		}
		a.got <- req
	}))
	t.Cleanup(srv.Close)
	a.url = srv.URL
	return a
}

// requests returns all requests received so far.
func (a *assistant) requests() []request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.seen)
}

// next waits until another request was answered and returns that request.
func (a *assistant) next(t *testing.T) request {
	t.Helper()
	select {
	case r := <-a.got:
		return r
	case <-time.After(patience):
		t.Fatalf("got no delivery within %v, want one", patience)
		return request{}
	}
}

// events settles n events of one lead of tenant for an assistant, and returns the lead. The events
// are numbered upwards from from, and each event's value is its number.
func events(t *testing.T, s *memstore.Store, a followup.AssistantID, phone string, from, n int) followup.LeadID {
	t.Helper()
	return eventsOf(t, s, tenant, a, phone, from, n)
}

// eventsOf is events for a lead of the given tenant.
func eventsOf(
	t *testing.T, s *memstore.Store, of followup.TenantID, a followup.AssistantID, phone string, from, n int,
) followup.LeadID {
	t.Helper()
	lead, err := s.Resolve(t.Context(), of, followup.Identity{Phone: phone}, true, start)
	if err != nil {
		t.Fatal(err)
	}
	for i := from; i < from+n; i++ {
		settleOf(t, s, of, lead, a, fmt.Sprintf("event-%d", i), json.RawMessage(fmt.Sprint(i)))
	}
	return lead
}

// settle settles one event of a lead of tenant for an assistant.
func settle(t *testing.T, s *memstore.Store, lead followup.LeadID, a followup.AssistantID, id string, value json.RawMessage) {
	t.Helper()
	settleOf(t, s, tenant, lead, a, id, value)
}

// settleOf is settle for a lead of the given tenant.
func settleOf(
	t *testing.T, s *memstore.Store, of followup.TenantID, lead followup.LeadID, a followup.AssistantID, id string,
	value json.RawMessage,
) {
	t.Helper()
	_, err := s.Settle(t.Context(), followup.Settlement{
		Tenant: of, Lead: lead, Now: start, Real: time.Now(),
		Items: []followup.Item{{
			DedupID: id, Channel: channel, Assistant: a, At: start, Opens: true,
			Relay: &followup.RelayEvent{Channel: channel, Account: "waba", Field: "messages", Value: value},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// owned returns a directory whose n-th tenant owns the assistants of the n-th list.
func owned(assistants ...[]int) *followup.Directory {
	var tenants []followup.Tenant
	for i, list := range assistants {
		of := followup.Tenant{ID: tenantID(i + 1)}
		for _, n := range list {
			of.Assistants = append(of.Assistants, followup.Assistant{ID: assistantID(n)})
		}
		tenants = append(tenants, of)
	}
	return followup.NewDirectory(tenants)
}

// ownerOf returns the tenant that owns the n-th assistant, given the lists passed to owned.
func ownerOf(n int, assistants ...[]int) followup.TenantID {
	return tenantID(1 + slices.IndexFunc(assistants, func(list []int) bool { return slices.Contains(list, n) }))
}

// newRelay starts a relay that delivers to the given URLs: the first one is assistant 1, and so on.
// Its time-outs are so long that a busy machine does not reach them. The relay is stopped when the
// test ends.
func newRelay(t *testing.T, s Store, change func(*Params), urls ...string) *Relay {
	t.Helper()
	p := Params{
		Store: s, Endpoints: map[followup.AssistantID]Endpoint{}, Directory: followup.NewDirectory(nil),
		Logger:  slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
		Metrics: prometheus.NewPedanticRegistry(), AllowPrivate: true, Poll: 50 * time.Millisecond, Timeout: patience,
		Jitter: func(time.Duration) time.Duration { return time.Millisecond },
	}
	for i, u := range urls {
		p.Endpoints[assistantID(i+1)] = Endpoint{URL: u, Secrets: []string{"relay-unit-secret"}}
	}
	if change != nil {
		change(&p)
	}
	r, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	r.Start()
	t.Cleanup(func() { _ = r.Stop(t.Context()) })
	return r
}

// splitPort returns the host and the port of a URL.
func splitPort(t *testing.T, raw string) (host, port string) {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	host, port, err = net.SplitHostPort(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

// count returns how many deliveries had the outcome.
func count(r *Relay, outcome string) float64 {
	return testutil.ToFloat64(r.metrics.deliveries.WithLabelValues(outcome))
}

// waitDrained waits until the store has nothing left to deliver.
func waitDrained(t *testing.T, s *memstore.Store) {
	t.Helper()
	waitFor(t, func() bool {
		st, err := s.Stats(t.Context(), start, time.Now())
		return err == nil && st.RelayPending == 0
	})
}

// waitFor polls in real time until ok returns true. It is for tests with sockets, which do not work
// in a synctest bubble.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("condition not met within %v", patience)
		}
	}
}
