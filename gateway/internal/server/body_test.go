package server_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wagate/gateway/internal/server"
	"wagate/gateway/internal/webhook"
)

// TestI10UnauthenticatedBodiesAreNotRead: if the header alone is enough to refuse a request, it is
// answered before the body has arrived.
func TestI10UnauthenticatedBodiesAreNotRead(t *testing.T) {
	t.Parallel()
	callback := "/webhooks/gupshup/" + string(front)
	for _, tt := range []struct {
		name, path, headers string
		size, status        int
	}{
		{"no signature", hook, "", 3 << 20, 401},
		{"nothing like a signature", hook, "X-Hub-Signature-256: sha1=00\r\n", 3 << 20, 401},
		{"no such app", "/webhooks/meta/none", signature, 3 << 20, 404},
		{"no token", callback, "", 3 << 20, 401},
		{"wrong token", callback, "X-Callback-Token: guess\r\n", 3 << 20, 401},
		{"wrong token in the URL", callback + "?token=guess", "", 3 << 20, 401},
		{"no such channel", "/webhooks/gupshup/none", "X-Callback-Token: callback token\r\n", 3 << 20, 404},
		{"no key", "/backend/leads", "", 200 << 10, 401},
		{"wrong key", "/backend/leads", "Authorization: Bearer guess\r\n", 200 << 10, 401},
		{"wrong key to send", "/v26.0/1/messages", "Authorization: Bearer guess\r\n", 200 << 10, 401},
		{"compressed", hook, signature + "Content-Encoding: gzip\r\n", 3 << 20, 415},
		{"too large a webhook", hook, signature, 4<<20 + 1, 413},
		{"too large for the API", "/backend/leads", "Authorization: Bearer " + acmeKey + "\r\n", 256<<10 + 1, 413},
		{"too large for a CRM", "/webhooks/crm/" + string(acme), "", 256<<10 + 1, 413},
		{"too large, with an absolute URL", "http://wagate/backend/leads", "Authorization: Bearer " + acmeKey + "\r\n", 256<<10 + 1, 413},
		{"too large to send", "/v26.0/1/messages", "Authorization: Bearer " + acmeKey + "\r\n", 256<<10 + 1, 413},
		{"no route", "/nowhere", "", 200 << 10, 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, settings{})
			addr, _ := serve(t, h.public, server.ListenParams{})
			w := dial(t, addr).send(post(tt.path, tt.headers, tt.size) + strings.Repeat(" ", 10_000))
			if r := w.receive("POST"); r.status != tt.status {
				t.Errorf("got %d %s, want %d", r.status, r.body, tt.status)
			}
			w.wantClosed()
			if got := len(h.webhooks.got()) + len(h.messages.got); got > 0 {
				t.Errorf("got %d bodies passed on, want none", got)
			}
		})
	}
}

// TestExpectation: 100 Continue is sent only if the body is wanted.
func TestExpectation(t *testing.T) {
	t.Parallel()
	const expect = "Expect: 100-continue\r\n"
	h := newHarness(t, settings{})
	addr, _ := serve(t, h.public, server.ListenParams{})
	w := dial(t, addr).send(post(hook, signature+expect, 300<<10))
	if r := w.receive("POST"); r.status != 100 {
		t.Fatalf("got %d, want 100", r.status)
	}
	w.send(strings.Repeat(" ", 300<<10))
	if r := w.receive("POST"); r.status != 200 {
		t.Errorf("got %d, want 200", r.status)
	}
	for path, size := range map[string]int{
		hook: 4<<20 + 1, "/backend/leads": 256<<10 + 1, "/webhooks/crm/" + string(acme): 256<<10 + 1, "/v26.0/1/messages": 256<<10 + 1,
	} {
		w := dial(t, addr).send(post(path, signature+expect, size))
		if r := w.receive("POST"); r.status != 413 {
			t.Errorf("%s: got %d, want 413 without a 100 before it", path, r.status)
		}
		w.wantClosed()
	}
}

// TestIdleConnection: an answer that is written before a handler is called arrives, even if the
// connection was idle for longer than an answer may take.
func TestIdleConnection(t *testing.T) {
	t.Parallel()
	const pause = time.Minute
	for name, tt := range map[string]struct {
		request string
		status  int
	}{
		"100 Continue":      {post(hook, signature+"Expect: 100-continue\r\n", 2), 100},
		"malformed request": {"\x16\x03\x01\r\n\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, settings{})
			do(t, h.public, request{method: "GET", path: "/nowhere"}) // starts fasthttp's clock outside the bubble
			synctest.Test(t, func(t *testing.T) {
				w, _ := h.pipe(t)
				if r := w.send(post(hook, signature, 2) + "{}").receive("POST"); r.status != 200 {
					t.Fatalf("got %d, want 200", r.status)
				}
				time.Sleep(pause)
				if r := w.send(tt.request).receive("POST"); r.status != tt.status {
					t.Errorf("after %v: got %d, want %d", pause, r.status, tt.status)
				}
			})
		})
	}
}

// TestSlowRequests: a request that does not arrive in time is answered 408.
func TestSlowRequests(t *testing.T) {
	t.Parallel()
	const short = 10 * time.Second
	late := server.Timeouts{Body: short}
	chunks := "POST " + hook + " HTTP/1.1\r\nHost: wagate\r\n" + signature + "Transfer-Encoding: chunked\r\n\r\n"
	for _, tt := range []struct {
		name     string
		timeouts server.Timeouts
		request  string
	}{
		{"nothing", server.Timeouts{Header: short}, ""},
		{"half a header", server.Timeouts{Header: short}, "POST " + hook + " HTTP/1.1\r\nX-Phone: 55119"},
		{"half a small body", server.Timeouts{Header: short}, post(hook, signature, 100) + "{"},
		{"half a large body", late, post(hook, signature, 3<<20) + strings.Repeat(" ", 1<<20)},
		{"half a chunk", late, chunks + "ff\r\n{"},
		{"half the end of a chunk", late, chunks + "1\r\n{\r"},
		{"half a chunk's size", late, chunks + "1\r\n{\r\nf"},
		{"no last chunk", late, chunks + "1\r\n{\r\n"},
		{"half a trailer", late, chunks + "0\r\nX-Phone: 55119"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, settings{timeouts: tt.timeouts})
			do(t, h.public, request{method: "GET", path: "/nowhere"}) // starts fasthttp's clock outside the bubble
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				w, ended := h.pipe(t)
				r := w.send(tt.request).receive("POST")
				if took := time.Since(began); r.status != 408 || took != short {
					t.Errorf("got %d %s after %v, want 408 after %v", r.status, r.body, took, short)
				}
				w.wantClosed()
				<-ended
			})
			if got := len(h.webhooks.got()); got > 0 || h.log.Len() > 0 {
				t.Errorf("got %d bodies passed on and log %q, want neither", got, h.log)
			}
		})
	}
}

// TestCutOffBodies: if the sender hangs up before the body is complete, nothing is passed on.
func TestCutOffBodies(t *testing.T) {
	t.Parallel()
	for _, size := range []int{100, 20_000, 3 << 20} {
		h := newHarness(t, settings{})
		addr, _ := serve(t, h.public, server.ListenParams{})
		w := dial(t, addr).send(post(hook, signature, size) + strings.Repeat(" ", size-1))
		if c, ok := w.Conn.(*net.TCPConn); !ok || c.CloseWrite() != nil {
			t.Fatal("the client could not close its side")
		}
		if r := w.receive("POST"); r.status != 400 {
			t.Errorf("%d bytes: got %d %s, want 400", size, r.status, r.body)
		}
		if got := len(h.webhooks.got()); got > 0 {
			t.Errorf("%d bytes: got %d bodies passed on, want none", size, got)
		}
	}
}

// whole posts a signed body of the given size and returns the answer.
func (h *harness) whole(t *testing.T, size int) response {
	t.Helper()
	w, _ := h.pipe(t)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = w.Write([]byte(post(hook, signature, size) + strings.Repeat("w", size))) // fails once the server stops reading
	}()
	r := w.receive("POST")
	_ = w.Close()
	<-sent
	return r
}

// TestI9LargeBodiesShareABudget: a large body that would exceed the budget is answered 503. Bodies
// of the usual size do not count, and a finished request gives back what it took.
func TestI9LargeBodiesShareABudget(t *testing.T) {
	t.Parallel()
	const large = 200 << 10
	h := newHarness(t, settings{bodies: 3 * large}) // half of it is one app's share
	first, _ := h.pipe(t)
	first.send(post(hook, signature, large) + strings.Repeat("w", large/2))

	r := h.whole(t, large)
	h.want(r, 503, "unavailable")
	if r.header.Get("Retry-After") == "" {
		t.Error("got no Retry-After with 503, want one")
	}
	if r := h.whole(t, 16<<10); r.status != 200 {
		t.Errorf("a body of usual size: got %d, want 200", r.status)
	}
	first.send(strings.Repeat("w", large-large/2))
	if r := first.receive("POST"); r.status != 200 {
		t.Errorf("the first large body: got %d, want 200", r.status)
	}
	if r := h.whole(t, large); r.status != 200 {
		t.Errorf("after the first large body: got %d, want 200", r.status)
	}
	if h.log.Len() > 0 {
		t.Errorf("got log %q, want nothing: senders of large bodies could fill it", h.log)
	}
	if got, _ := h.counted(); got["meta busy"] != 1 || got["meta ok"] != 3 {
		t.Errorf("got %v counted, want 1 busy and 3 ok", got)
	}
}

// TestBudgetIsGivenBack: a request gives back what it took from the budget, however it ends.
func TestBudgetIsGivenBack(t *testing.T) {
	t.Parallel()
	const size = 300 << 10
	half := post(hook, signature, size) + strings.Repeat("w", size/2)
	receive := func(status int) func(*testing.T, *harness, *rawClient, <-chan struct{}) {
		return func(t *testing.T, _ *harness, w *rawClient, _ <-chan struct{}) {
			t.Helper()
			if r := w.receive("POST"); r.status != status {
				t.Errorf("got %d, want %d", r.status, status)
			}
		}
	}
	chunks := "POST " + hook + " HTTP/1.1\r\nHost: wagate\r\n" + signature + "Transfer-Encoding: chunked\r\n\r\n"
	for _, tt := range []struct {
		name, request string
		end           func(*testing.T, *harness, *rawClient, <-chan struct{})
		err           error
		crash         bool
	}{
		{"accepted", half + strings.Repeat("w", size/2), receive(200), nil, false},
		{"not stored", half + strings.Repeat("w", size/2), receive(503), errors.New("away"), false},
		{"malformed", half + strings.Repeat("w", size/2), receive(400), webhook.ErrMalformed, false},
		{"panic", half + strings.Repeat("w", size/2), receive(500), nil, true},
		{"slow", half, receive(408), nil, false},
		{"hung up", half, func(_ *testing.T, _ *harness, w *rawClient, ended <-chan struct{}) {
			_ = w.Close()
			<-ended
		}, nil, false},
		{"chunked", chunks + "40000\r\n" + strings.Repeat("w", 256<<10) + "\r\n0\r\n\r\n", receive(200), nil, false},
		{"broken", chunks + "40000\r\n" + strings.Repeat("w", 256<<10) + "\r\nzz\r\n", receive(400), nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// An app's half has room for one body and for its beginning, which is copied.
			h := newHarness(t, settings{bodies: 2 * (4<<20 + 256<<10 + 1)})
			h.webhooks.err, h.webhooks.crash = tt.err, tt.crash
			do(t, h.public, request{method: "GET", path: "/nowhere"}) // starts fasthttp's clock outside the bubble
			for range 20 {
				synctest.Test(t, func(t *testing.T) {
					w, ended := h.pipe(t)
					_ = w.SetDeadline(time.Time{}) // one of the requests is slow for hours
					w.send(tt.request)
					tt.end(t, h, w, ended)
				})
			}
			h.webhooks.err, h.webhooks.crash = nil, false
			if r := h.whole(t, 4<<20); r.status != 200 {
				t.Errorf("afterwards: got %d, want 200, with the whole budget free", r.status)
			}
		})
	}
}
