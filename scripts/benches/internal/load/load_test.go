package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in     string
		status, size int
		bad          bool
	}{
		{"nothing yet", "", 0, 0, false},
		{"half a header", "HTTP/1.1 200 OK\r\nContent-Len", 0, 0, false},
		{"no body", "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 0\r\n\r\n", 200, 49, false},
		{"length is not last", "HTTP/1.1 503 No\r\nContent-Length: 2\r\nRetry-After: 1\r\n\r\nno", 503, 56, false},
		{"body is not all there", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", 200, 49, false},
		{"no length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 0, true},
		{"negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 0, 0, true},
		{"another protocol", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 0, true},
		{"no status", "HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n", 0, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			status, size, err := answer([]byte(c.in))
			if (err != nil) != c.bad || status != c.status && !c.bad || size != c.size {
				t.Errorf("got %d, %d, %v, want %d, %d, error: %v", status, size, err, c.status, c.size, c.bad)
			}
		})
	}
}

// server counts what it is sent, by body, and answers with the status that a
// body says.
type server struct {
	*httptest.Server

	mu   sync.Mutex
	seen map[string]int
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{seen: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.seen[string(body)]++
		s.mu.Unlock()
		switch {
		case strings.HasPrefix(string(body), "refuse"):
			w.WriteHeader(http.StatusServiceUnavailable)
		case strings.HasPrefix(string(body), "hang up"):
			panic(http.ErrAbortHandler)
		default:
			_, _ = w.Write([]byte("taken"))
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) addr() string { return strings.TrimPrefix(s.URL, "http://") }

func requests(n int, body string) [][]byte {
	var list [][]byte
	for i := range n {
		b := fmt.Sprintf("%s %d", body, i)
		list = append(list, fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(b), b))
	}
	return list
}

func TestRun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		perSecond float64
	}{{"closed loop", 0}, {"open loop", 1e6}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			const n = 500
			r, err := Run(t.Context(), Plan{Addr: s.addr(), Connections: 8, For: time.Hour, PerSecond: c.perSecond}, requests(n, "take"))
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Latencies) != n || r.Failed != 0 {
				t.Errorf("got %d answered and %d failed (%s), want %d and none", len(r.Latencies), r.Failed, r.Failure, n)
			}
			if len(s.seen) != n {
				t.Errorf("the server saw %d different requests, want %d", len(s.seen), n)
			}
			for body, times := range s.seen {
				if times != 1 {
					t.Errorf("%q: got it %d times, want once", body, times)
				}
			}
			if sorted := r.Sorted(); r.Elapsed <= 0 || sorted[0] <= 0 || sorted[n-1] > r.Elapsed && c.perSecond == 0 {
				t.Errorf("got latencies from %s to %s in %s, want them within it", sorted[0], sorted[n-1], r.Elapsed)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body, want string
		failed           int
	}{
		{"a status is counted, and the connection goes on", "refuse", "status 503", 10},
		{"a connection that breaks is not used again", "hang up", "EOF", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			r, err := Run(t.Context(), Plan{Addr: s.addr(), Connections: 2, For: time.Hour}, requests(10, c.body))
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Latencies) != 0 || r.Failed != c.failed || !strings.Contains(r.Failure, c.want) {
				t.Errorf("got %d answered, %d failed, %q; want 0, %d, %q", len(r.Latencies), r.Failed, r.Failure, c.failed, c.want)
			}
		})
	}
}

func TestRunWithoutServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	addr := s.addr()
	s.Close()
	if _, err := Run(t.Context(), Plan{Addr: addr, Connections: 2, For: time.Hour}, requests(1, "take")); err == nil {
		t.Error("got no error, want one")
	}
}

// TestRunIsCutShort: a server that never answers does not hold a run whose
// context ends.
func TestRunIsCutShort(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	plan := Plan{Addr: strings.TrimPrefix(s.URL, "http://"), Connections: 1, For: time.Hour}
	if _, err := Run(ctx, plan, requests(3, "take")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

// TestTake: in an open loop all that was due in time is made, however late it
// is, and counts from when it was due; a closed loop ends with its time.
func TestTake(t *testing.T) {
	t.Parallel()
	began := time.Now().Add(-time.Hour)
	open := &run{Plan: Plan{For: time.Second, PerSecond: 4}, requests: make([][]byte, 100), began: began}
	for i := range 4 {
		from, n, ok := open.take()
		if want := began.Add(time.Duration(i) * 250 * time.Millisecond); !ok || n != i || !from.Equal(want) {
			t.Errorf("open, %d: got %d due %s, %v; want %s", i, n, from, ok, want)
		}
	}
	if _, n, ok := open.take(); ok {
		t.Errorf("open: got request %d, which is due after the end", n)
	}
	closed := &run{Plan: Plan{For: time.Second}, requests: make([][]byte, 100), began: began}
	if _, n, ok := closed.take(); ok || closed.next.Load() != 0 {
		t.Errorf("closed: got request %d after the end, %v", n, ok)
	}
	few := &run{Plan: Plan{For: 2 * time.Hour}, requests: make([][]byte, 1), began: began}
	if _, _, ok := few.take(); !ok {
		t.Error("closed: got no first request")
	}
	if _, n, ok := few.take(); ok {
		t.Errorf("closed: got request %d of 1", n)
	}
}
