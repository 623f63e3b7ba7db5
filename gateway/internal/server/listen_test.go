package server_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wagate/gateway/internal/server"
)

// TestRefusalsCanBeRead: a client that goes on sending a body that was refused can read the answer,
// and does not get a connection error.
func TestRefusalsCanBeRead(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{bodies: 1 << 10})
	addr, _ := serve(t, h.public, server.ListenParams{})
	long := strings.Repeat("x", 1<<20)
	for _, tt := range []struct {
		name      string
		size      int
		header    map[string]string
		status    int
		unlimited bool // without a Content-Length
	}{
		{"too large", 16 << 20, signed, 413, false},
		{"too large, chunked", 16 << 20, signed, 503, true},
		{"unsigned", 3 << 20, nil, 401, false},
		{"budget exceeded", 3 << 20, signed, 503, false},
		{"compressed", 3 << 20, map[string]string{"X-Hub-Signature-256": "sha256=right", "Content-Encoding": "gzip"}, 415, false},
		{"header too large", 3 << 20, map[string]string{"X-Long": long}, 431, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for range 5 {
				var body io.Reader = bytes.NewReader(make([]byte, tt.size))
				if tt.unlimited {
					body = io.MultiReader(body) // hides the length
				}
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+hook, body)
				if err != nil {
					t.Fatal(err)
				}
				for name, value := range tt.header {
					req.Header.Set(name, value)
				}
				transport := &http.Transport{}
				res, err := (&http.Client{Transport: transport, Timeout: patience}).Do(req)
				if err != nil {
					t.Fatalf("got %v, want %d", err, tt.status)
				}
				_, err = io.Copy(io.Discard, res.Body)
				if res.StatusCode != tt.status || err != nil || res.Body.Close() != nil {
					t.Errorf("got %d, %v, want %d", res.StatusCode, err, tt.status)
				}
				transport.CloseIdleConnections()
			}
		})
		if tt.unlimited {
			continue
		}
		t.Run(tt.name+", read after sending", func(t *testing.T) {
			t.Parallel()
			headers := ""
			for name, value := range tt.header {
				headers += name + ": " + value + "\r\n"
			}
			if r := dial(t, addr).send(post(hook, headers, tt.size) + strings.Repeat("x", tt.size)).receive("POST"); r.status != tt.status {
				t.Errorf("got %d %s, want %d", r.status, r.body, tt.status)
			}
		})
	}
}

// TestDrainIsBounded: after a refusal, only so much of the body is read and discarded.
func TestDrainIsBounded(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	addr, _ := serve(t, h.public, server.ListenParams{})
	w := dial(t, addr).send(post(hook, signature, 1<<40))
	if r := w.receive("POST"); r.status != 413 {
		t.Fatalf("got %d, want 413", r.status)
	}
	sent, chunk := 0, make([]byte, 1<<20)
	for sent < 1<<30 {
		n, err := w.Write(chunk)
		sent += n
		if err != nil {
			return
		}
	}
	t.Errorf("the server read %d bytes after the answer, want the connection closed", sent)
}

// TestLingerIsBounded: a client that neither sends nor hangs up after its last answer is
// disconnected after a while.
func TestLingerIsBounded(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	do(t, h.public, request{method: "GET", path: "/nowhere"}) // fasthttp starts its clock, which is to be outside
	shut := false
	h.shut = func() { shut = true }
	synctest.Test(t, func(t *testing.T) {
		w, ended := h.pipe(t)
		w.send(post(hook, signature, 5<<20))
		if r := w.receive("POST"); r.status != 413 {
			t.Errorf("got %d, want 413", r.status)
		}
		synctest.Wait()
		if !shut {
			t.Error("the connection was not closed for writing, want it closed")
		}
		select {
		case <-ended:
			t.Error("the connection was closed at once, want time for what still arrives")
		default:
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		select {
		case <-ended:
		default:
			t.Error("the connection was not closed after 10s, want it closed")
		}
	})
}

// TestConnectionsAreBounded: a connection for which there is no place is answered 503. A place that
// becomes free can be taken again.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	var refused atomic.Int64
	addr, _ := serve(t, h.public, server.ListenParams{Most: 2, Refused: func() { refused.Add(1) }})
	handshake := "GET " + hook + "?hub.mode=subscribe&hub.verify_token=verify+me&hub.challenge=1 HTTP/1.1\r\nHost: wagate\r\n"
	places := []*rawClient{dial(t, addr), dial(t, addr)}
	for _, w := range places {
		if r := w.send(handshake + "\r\n").receive("GET"); r.status != 200 {
			t.Fatalf("got %d, want 200", r.status)
		}
	}
	for range 3 {
		w := dial(t, addr).send(post(hook, signature, 1000) + strings.Repeat("x", 1000))
		r := w.receive("POST")
		h.want(r, 503, "unavailable")
		if r.header.Get("Retry-After") == "" {
			t.Error("got no Retry-After with 503, want one")
		}
		w.wantClosed()
	}
	if got := refused.Load(); got != 3 {
		t.Errorf("got %d refused, want 3", got)
	}
	for range 3 {
		w := places[0]
		if r := w.send(handshake + "Connection: close\r\n\r\n").receive("GET"); r.status != 200 {
			t.Errorf("got %d, want 200", r.status)
		}
		w.wantClosed()
		places[0] = dial(t, addr)
		if r := places[0].send(handshake + "\r\n").receive("GET"); r.status != 200 {
			t.Errorf("got %d in a place that became free, want 200", r.status)
		}
	}
}

// failingListener returns these errors before its first connection, as a listener does when the
// process has no file descriptors left.
type failingListener struct {
	net.Listener

	errs []error
}

func (s *failingListener) Accept() (net.Conn, error) {
	if len(s.errs) > 0 {
		err := s.errs[0]
		s.errs = s.errs[1:]
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: err}
	}
	client, conn := net.Pipe()
	return conn, client.Close()
}

// TestAcceptOutlivesShortage: a temporary error does not end the listener.
func TestAcceptOutlivesShortage(t *testing.T) {
	t.Parallel()
	l := server.Listen(&failingListener{errs: []error{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED, syscall.ENOMEM}}, server.ListenParams{Most: 1})
	if _, err := l.Accept(); err != nil {
		t.Errorf("got %v, want a connection", err)
	}
	l = server.Listen(&failingListener{errs: []error{net.ErrClosed}}, server.ListenParams{Most: 1})
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want %v", err, net.ErrClosed)
	}
}

// singleListener has one connection. After it, the listener is closed.
type singleListener struct {
	net.Listener

	conn net.Conn
}

func (l *singleListener) Accept() (net.Conn, error) {
	c := l.conn
	l.conn = nil
	if c == nil {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *singleListener) Close() error { return nil }

// TestCloseWaitsForRefusals: Close waits until every refusal was read or has timed out, so no
// connection stays open.
func TestCloseWaitsForRefusals(t *testing.T) {
	t.Parallel()
	for linger, want := range map[time.Duration]time.Duration{0: time.Second, time.Hour: time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			client, conn := net.Pipe()
			defer func() { _ = client.Close() }()
			l := server.Listen(&singleListener{conn: conn}, server.ListenParams{Linger: linger})
			if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Fatalf("got %v, want %v", err, net.ErrClosed)
			}
			began := time.Now()
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took != want {
				t.Errorf("Close took %v, want %v", took, want)
			}
			if conn.SetDeadline(time.Now()) == nil {
				t.Error("the connection is still open, want it closed")
			}
		})
	}
}

// TestNoRefusalAfterClose: a connection that was accepted during Close, and for which there is no
// place, is closed at once, because nobody waits for its refusal.
func TestNoRefusalAfterClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, conn := net.Pipe()
		defer func() { _ = client.Close() }()
		l := server.Listen(&singleListener{conn: conn}, server.ListenParams{})
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("got %v, want %v", err, net.ErrClosed)
		}
		if conn.SetDeadline(time.Now()) == nil {
			t.Error("the connection is still open, want it closed")
		}
	})
}

// TestDeadlinesOnClosedConnection: setting a deadline on a connection that is gone returns no
// error, because the server would panic on one.
func TestDeadlinesOnClosedConnection(t *testing.T) {
	t.Parallel()
	client, conn := net.Pipe()
	c, err := server.Listen(pipeListener{conn: conn}, server.ListenParams{Most: 1}).Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = client.Close()
	if conn.SetDeadline(time.Now()) == nil {
		t.Fatal("a deadline could be set on a connection that is gone, want an error")
	}
	for name, set := range map[string]func(time.Time) error{
		"deadline": c.SetDeadline, "read deadline": c.SetReadDeadline, "write deadline": c.SetWriteDeadline,
	} {
		if err := set(time.Now()); err != nil {
			t.Errorf("%s: got %v, want nil", name, err)
		}
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("something was read from a connection that is gone, want an error")
	}
}

// TestStopIgnoresSilentClients: a client that has connected and sent nothing does not hold up a
// stop.
func TestStopIgnoresSilentClients(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	addr, stop := serve(t, h.public, server.ListenParams{})
	silent := dial(t, addr)
	if r := dial(t, addr).send("GET /nowhere HTTP/1.1\r\nHost: wagate\r\n\r\n").receive("GET"); r.status != 404 { // so the server is up
		t.Fatalf("got %d, want 404", r.status)
	}
	stop() // fails the test unless it returns within patience
	silent.wantClosed()
}

// TestSilentClientHasASecond: a client that connected just before the end of the listener has a
// second to send its first byte.
func TestSilentClientHasASecond(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		after  time.Duration // the time from the end of the listener to the client's byte
		before bool          // the client has sent a byte before the end
		heard  bool
	}{
		"sends in time": {999 * time.Millisecond, false, true},
		"too late":      {1001 * time.Millisecond, false, false},
		"heard before":  {time.Minute, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, conn := net.Pipe()
				l := server.Listen(&singleListener{conn: conn}, server.ListenParams{Most: 1})
				c, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				b := make([]byte, 1)
				if tt.before {
					go func() { _, _ = client.Write(b) }()
					if _, err := c.Read(b); err != nil {
						t.Fatal(err)
					}
				}
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				go func() {
					time.Sleep(tt.after)
					_, _ = client.Write(b)
					time.Sleep(time.Minute)
					_ = client.Close()
				}()
				n, err := c.Read(b)
				if heard := n == 1 && err == nil; heard != tt.heard || !heard && !errors.Is(err, io.EOF) {
					t.Errorf("got %d, %v, want it heard: %t", n, err, tt.heard)
				}
				_ = c.Close()
				time.Sleep(time.Hour) // so that the client's goroutine ends
			})
		})
	}
}
