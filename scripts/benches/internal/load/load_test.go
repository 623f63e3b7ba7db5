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

// TestAnswer: the status and the total size must be known as soon as the header is complete.
// Anything without a valid status and length must be an error.
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
		{"length before another header", "HTTP/1.1 503 No\r\nContent-Length: 2\r\nRetry-After: 1\r\n\r\nno", 503, 56, false},
		{"part of the body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", 200, 49, false},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 0, true},
		{"negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 0, 0, true},
		{"another protocol", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 0, true},
		{"no status", "HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n", 0, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			status, size, err := answer([]byte(c.in))
			if (err != nil) != c.bad || status != c.status && !c.bad || size != c.size {
				t.Errorf("got status %d, size %d, %v, want %d, %d, error: %v", status, size, err, c.status, c.size, c.bad)
			}
		})
	}
}

// server counts the requests that it gets by their body. It answers with what the body asks for.
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

// requests returns n requests with different bodies that begin with body.
func requests(n int, body string) [][]byte {
	var list [][]byte
	for i := range n {
		b := fmt.Sprintf("%s %d", body, i)
		list = append(list, fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(b), b))
	}
	return list
}

// TestRun: in a closed and in an open loop, every request must be sent once, and each answer must
// be timed.
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
				t.Errorf("got %d answered and %d failed (%s), want %d and 0", len(r.Latencies), r.Failed, r.Failure, n)
			}
			if len(s.seen) != n {
				t.Errorf("server: got %d different requests, want %d", len(s.seen), n)
			}
			for body, times := range s.seen {
				if times != 1 {
					t.Errorf("%q: got it %d times, want once", body, times)
				}
			}
			if sorted := r.Sorted(); r.Elapsed <= 0 || sorted[0] <= 0 || sorted[n-1] > r.Elapsed && c.perSecond == 0 {
				t.Errorf("latencies: got %s to %s in a run of %s, want them within it", sorted[0], sorted[n-1], r.Elapsed)
			}
		})
	}
}

// TestFailures: a failed request must be counted with the reason.
func TestFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body, want string
		failed           int
	}{
		{"a status is counted, and the connection is kept", "refuse", "status 503", 10},
		{"a broken connection is not used again", "hang up", "EOF", 2},
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

// TestRunWithoutServer: a run that cannot connect must end with an error.
func TestRunWithoutServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	addr := s.addr()
	s.Close()
	if _, err := Run(t.Context(), Plan{Addr: addr, Connections: 2, For: time.Hour}, requests(1, "take")); err == nil {
		t.Error("got no error, want one")
	}
}

// TestRunIsCutShort: a run whose context ends must end, although the server never answers.
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

// TestTake: an open loop must make every request that became due in time, however late it is, and
// time it from when it was due. A closed loop must end with its time.
func TestTake(t *testing.T) {
	t.Parallel()
	began := time.Now().Add(-time.Hour)
	open := &run{Plan: Plan{For: time.Second, PerSecond: 4}, requests: make([][]byte, 100), began: began}
	for i := range 4 {
		from, n, ok := open.take()
		if want := began.Add(time.Duration(i) * 250 * time.Millisecond); !ok || n != i || !from.Equal(want) {
			t.Errorf("open, request %d: got %d due %s, %v, want it due %s", i, n, from, ok, want)
		}
	}
	if _, n, ok := open.take(); ok {
		t.Errorf("open: got request %d after the end, want none", n)
	}
	closed := &run{Plan: Plan{For: time.Second}, requests: make([][]byte, 100), began: began}
	if _, n, ok := closed.take(); ok || closed.next.Load() != 0 {
		t.Errorf("closed: got request %d after the end, %v, want none", n, ok)
	}
	few := &run{Plan: Plan{For: 2 * time.Hour}, requests: make([][]byte, 1), began: began}
	if _, _, ok := few.take(); !ok {
		t.Error("closed: got no first request, want one")
	}
	if _, n, ok := few.take(); ok {
		t.Errorf("closed: got request %d of 1, want none", n)
	}
}
