package inbound

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"wagate/scripts/drills/internal/fleet"
)

// gateway answers webhooks as told, and notes each with the ids in it.
type gateway struct {
	events []event

	mu     sync.Mutex
	posts  []string // the ids in a body, and the answer
	answer func(body string) int
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var ids []string
	for _, e := range g.events {
		if strings.Contains(string(body), e.id) {
			ids = append(ids, e.id)
		}
	}
	status := g.answer(string(body))
	g.mu.Lock()
	defer g.mu.Unlock()
	g.posts = append(g.posts, strings.Join(ids, "+")+" "+http.StatusText(status))
	if status == 0 {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(status)
}

// scenario returns a provider that posts to a gateway, and the gateway.
func scenario(t *testing.T, events []event, answer func(string) int) (*provider, *gateway) {
	t.Helper()
	g := &gateway{events: events, answer: answer}
	s := httptest.NewServer(g)
	t.Cleanup(s.Close)
	r := fleet.NewReplica()
	r.SetPublic(strings.TrimPrefix(s.URL, "http://"))
	p := newProvider(newLedger(events), &graph{opaque: map[string]string{}}, &fleet.Fleet{Replicas: []*fleet.Replica{r}}, []*tenant{events[0].lead.tenant})
	p.client.Timeout = 0 // the test decides what is not answered, not a slow machine
	t.Cleanup(p.client.CloseIdleConnections)
	return p, g
}

// TestTurns: a lead's webhooks must be posted one after the other, each until it is acknowledged. A
// batch must wait for all of its leads, and other leads must not wait.
func TestTurns(t *testing.T) {
	t.Parallel()
	one := &tenant{name: "one", app: mainApp}
	ada, bea := &lead{tenant: one, phone: "1"}, &lead{tenant: one, phone: "2"}
	events := []event{
		{lead: ada, id: "ada-0"},
		{lead: ada, nth: 1, id: "ada-1"},
		{lead: bea, id: "bea-0"},
		{lead: bea, nth: 1, id: "bea-1"},
		{lead: ada, nth: 2, id: "ada-2"},
	}
	troubles := []int{http.StatusServiceUnavailable, 0, http.StatusTooManyRequests, http.StatusOK}
	bea0 := make(chan struct{})
	p, g := scenario(t, events, func(body string) int {
		switch {
		case strings.Contains(body, "bea-0"):
			close(bea0)
		case strings.Contains(body, "ada-0"): // one at a time
			<-bea0
			next := troubles[0]
			troubles = troubles[1:]
			return next
		}
		return http.StatusOK
	})
	hooks := []*hook{
		{tenant: one, events: []int{0}}, {tenant: one, events: []int{2}}, {tenant: one, events: []int{1, 3}}, {tenant: one, events: []int{4}},
	}
	if err := p.play(t.Context(), part{hooks: hooks}, time.Now()); err != nil {
		t.Fatal(err)
	}
	p.wait()
	var ada0, rest []string
	for _, post := range g.posts {
		switch {
		case strings.HasPrefix(post, "ada-0 "):
			ada0 = append(ada0, post)
		case post != "bea-0 OK":
			rest = append(rest, post)
		}
	}
	if got, want := strings.Join(ada0, ", "), "ada-0 Service Unavailable, ada-0 , ada-0 Too Many Requests, ada-0 OK"; got != want {
		t.Errorf("first webhook: got %s, want %s", got, want)
	}
	if got, want := strings.Join(rest, ", "), "ada-1+bea-1 OK, ada-2 OK"; got != want {
		t.Errorf("webhooks after it: got %s, want %s", got, want)
	}
	if last := g.posts[len(g.posts)-3]; last != "ada-0 OK" {
		t.Errorf("before them: got %s, want the first webhook acknowledged", last)
	}
	if open := p.ledger.open(); open != 0 {
		t.Errorf("open events: got %d, want 0", open)
	}
	l := p.ledger
	if r, u, b, o := l.repeats.Load(), l.unanswered.Load(), l.busy.Load(), l.otherAnswers.Load(); r != 3 || u != 1 || b != 1 || o != 1 {
		t.Errorf("got %d repeated, %d unanswered, %d busy, %d other answers, want 3, 1, 1, 1", r, u, b, o)
	}
}

// TestEchoes: a webhook that was acknowledged must come again as often as planned, and count as an
// echo.
func TestEchoes(t *testing.T) {
	t.Parallel()
	one := &tenant{name: "one", app: mainApp}
	events := []event{{lead: &lead{tenant: one, phone: "1"}, id: "ada-0"}}
	p, g := scenario(t, events, func(string) int { return http.StatusOK })
	h := &hook{tenant: one, events: []int{0}, echoes: []echo{{}, {after: time.Millisecond}}}
	if err := p.play(t.Context(), part{hooks: []*hook{h}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	p.wait()
	if n := len(g.posts); n != 3 || p.ledger.echoes.Load() != 2 || p.ledger.repeats.Load() != 0 {
		t.Errorf("got %d posts, %d echoes, %d repeats, want 3, 2, 0", n, p.ledger.echoes.Load(), p.ledger.repeats.Load())
	}
}

// TestForge: the answer to a forged webhook must be judged by how it was forged.
func TestForge(t *testing.T) {
	t.Parallel()
	one := &tenant{name: "one", app: mainApp}
	for _, c := range []struct {
		name                    string
		forged                  forgery
		status                  int
		refused, dropped, taken int64
	}{
		{"refused", unsigned, http.StatusUnauthorized, 1, 0, 0},
		{"acknowledged although unsigned", unsigned, http.StatusOK, 0, 0, 1},
		{"signed correctly for another app, and acknowledged", foreign, http.StatusOK, 0, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			events := []event{{lead: &lead{tenant: one, phone: "1"}, id: "ada-0", nth: -1}}
			p, _ := scenario(t, events, func(string) int { return c.status })
			h := &hook{tenant: one, events: []int{0}, forged: c.forged}
			if err := p.play(t.Context(), part{hooks: []*hook{h}}, time.Now()); err != nil {
				t.Fatal(err)
			}
			p.wait()
			l := p.ledger
			if r, d, k := l.forgedRefused.Load(), l.forgedDropped.Load(), l.forgedTaken.Load(); r != c.refused || d != c.dropped || k != c.taken {
				t.Errorf("got %d refused, %d dropped, %d taken, want %d, %d, %d", r, d, k, c.refused, c.dropped, c.taken)
			}
		})
	}
}
