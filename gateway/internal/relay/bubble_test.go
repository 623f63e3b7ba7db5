package relay

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wagate/followup"
)

// wire is an http.RoundTripper without sockets, for tests in a synctest bubble.
type wire struct {
	begin  time.Time
	answer func(a string, at time.Duration) reply // what the assistant on host a does with a try, at this time since begin

	mu    sync.Mutex
	tries []time.Duration
}

// reply is what an assistant does with a request.
type reply struct {
	status int           // 0: no answer
	wait   time.Duration // Retry-After, if any
	takes  time.Duration // how long until the answer
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	at := time.Since(w.begin)
	w.mu.Lock()
	w.tries = append(w.tries, at)
	w.mu.Unlock()
	do := w.answer(r.URL.Host, at)
	select {
	case <-time.After(do.takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if do.status == 0 {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	h := http.Header{}
	if do.wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int(do.wait.Seconds())))
	}
	return &http.Response{StatusCode: do.status, Header: h, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
}

// tryTimes returns when each try was made, counted from begin.
func (w *wire) tryTimes() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.tries)
}

// answerWith makes every assistant answer at once with the status that the function returns for the
// time.
func answerWith(status func(at time.Duration) int) func(string, time.Duration) reply {
	return func(_ string, at time.Duration) reply { return reply{status: status(at)} }
}

// host returns the host name of the n-th assistant on a wire.
func host(n int) string { return strconv.Itoa(n) + ".assistant.example" }

// bubble starts a relay on a wire. It must be called inside a synctest bubble. The relay has one
// endpoint, assistant 1, unless change alters the Params.
func bubble(t *testing.T, s Store, answer func(string, time.Duration) reply, change ...func(*Params)) (*Relay, *wire) {
	t.Helper()
	w := &wire{begin: time.Now(), answer: answer}
	p := Params{
		Store: s, Directory: followup.NewDirectory(nil), Logger: slog.New(slog.DiscardHandler),
		Metrics: prometheus.NewPedanticRegistry(), Endpoints: map[followup.AssistantID]Endpoint{},
	}
	endpoint(&p, 1)
	for _, f := range change {
		f(&p)
	}
	r, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	r.client.Transport = w
	r.Start()
	t.Cleanup(func() { _ = r.Stop(t.Context()) })
	return r, w
}

// endpoint gives the n-th assistant an endpoint on the wire.
func endpoint(p *Params, n int) {
	p.Endpoints[assistantID(n)] = Endpoint{URL: "https://" + host(n), Secrets: []string{"s"}}
}
