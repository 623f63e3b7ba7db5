package server_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"wagate/gateway/internal/server"
)

// patience bounds every wait for something that must happen.
const patience = 2 * time.Minute

// rawClient is a client that sends exactly what it is told.
type rawClient struct {
	t *testing.T
	net.Conn

	in *bufio.Reader
}

// newRawClient returns a client on a connection, which is closed when the test ends.
func newRawClient(t *testing.T, c net.Conn) *rawClient {
	t.Helper()
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return &rawClient{t: t, Conn: c, in: bufio.NewReader(c)}
}

// send sends text as it stands.
func (w *rawClient) send(text string) *rawClient {
	w.t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		w.t.Fatalf("send %.40q: %v", text, err)
	}
	return w
}

// receive reads the answer to a request with the given method.
func (w *rawClient) receive(method string) response {
	w.t.Helper()
	res, err := http.ReadResponse(w.in, &http.Request{Method: method})
	if err != nil {
		w.t.Fatalf("receive: %v", err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatalf("receive: %v", err)
	}
	return response{res.StatusCode, string(b), res.Header}
}

// wantClosed checks that the server sends nothing more and closes the connection.
func (w *rawClient) wantClosed() {
	w.t.Helper()
	if b, err := w.in.ReadByte(); !errors.Is(err, io.EOF) {
		w.t.Errorf("after the last answer: got %q, %v, want EOF", b, err)
	}
}

// serve serves an app on a loopback socket until the test ends or stop is called.
func serve(t *testing.T, app *fiber.App, p server.ListenParams) (addr string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.Most, p.Linger = cmp.Or(p.Most, 100), patience
	ended := make(chan error, 1)
	go func() { ended <- app.Listener(server.Listen(l, p)) }()
	stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := app.ShutdownWithContext(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	}
	t.Cleanup(func() {
		stop()
		_ = l.Close() // in case the server has not begun to serve
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String(), stop
}

// dial connects to an app that serve serves.
func dial(t *testing.T, addr string) *rawClient {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return newRawClient(t, c)
}

// pipeListener always accepts the same connection, whose CloseWrite calls shut.
type pipeListener struct {
	net.Listener

	conn net.Conn
	shut func()
}

func (a pipeListener) Accept() (net.Conn, error) { return halfCloser{a.conn, a.shut}, nil }

// halfCloser adds a CloseWrite to a connection that has none.
type halfCloser struct {
	net.Conn

	shut func()
}

func (h halfCloser) CloseWrite() error {
	if h.shut != nil {
		h.shut()
	}
	return nil
}

// pipe serves a connection without buffers: send returns once the server has read the text. ended
// is closed when the server has finished with the connection.
func (h *harness) pipe(t *testing.T) (w *rawClient, ended <-chan struct{}) {
	t.Helper()
	_ = h.public.Handler() // builds the routes
	client, conn := net.Pipe()
	c, err := server.Listen(pipeListener{conn: conn, shut: h.shut}, server.ListenParams{Most: 1}).Accept()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = h.public.Server().ServeConn(c)
	}()
	t.Cleanup(func() {
		_ = client.Close()
		<-done
	})
	return newRawClient(t, client), done
}

const (
	hook      = "/webhooks/meta/main"
	signature = "X-Hub-Signature-256: sha256=right\r\n"
)

// post returns the header of a POST with these headers, whose body is declared to have size bytes.
func post(path, headers string, size int) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: wagate\r\n%sContent-Length: %d\r\n\r\n", path, headers, size)
}

// TestI14OddRequests: each request that is malformed or unusual gets one clear answer, which does
// not repeat the request, and nothing is logged.
func TestI14OddRequests(t *testing.T) {
	t.Parallel()
	const (
		phone     = "5511912345678"
		challenge = hook + "?hub.mode=subscribe&hub.verify_token=verify+me&hub.challenge=1"
		callback  = "/webhooks/gupshup/" + string(front)
	)
	chunked := func(path, body string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: wagate\r\nAuthorization: Bearer " + acmeKey + "\r\n" + signature + "Transfer-Encoding: chunked\r\n\r\n" + body
	}
	tests := []struct {
		name, request string
		status        int
		body, allow   string // body: what is passed on
	}{
		{"HTTP/1.0", "POST " + hook + " HTTP/1.0\r\n" + signature + "Content-Length: 2\r\n\r\n{}", 200, "{}", ""},
		{"HTTP/1.0 without a length", "POST " + hook + " HTTP/1.0\r\n" + signature + "\r\n{}", 200, "", ""},
		{"chunked", chunked(hook, "1\r\n{\r\n1;of=us\r\n}\r\n0\r\nX-Trailer: a\r\n\r\n"), 200, "{}", ""},
		{"chunked, empty", chunked(hook, "0\r\n\r\n"), 200, "", ""},
		{"chunked, size not hexadecimal", chunked(hook, "two\r\n{}\r\n0\r\n\r\n"), 400, "", ""},
		{"chunked, longer than declared", chunked(hook, "1\r\n{}\r\n0\r\n\r\n"), 400, "", ""},
		{"chunked, too much", chunked("/backend/leads", "40000\r\n"+strings.Repeat(" ", 256<<10)+"\r\n1\r\n \r\n0\r\n\r\n"), 413, "", ""},
		{"absolute URL", post("http://wagate"+hook, signature, 300<<10) + strings.Repeat(" ", 300<<10), 200, strings.Repeat(" ", 300<<10), ""},
		{"trailing slash", post(hook+"/", signature, 2) + "{}", 200, "{}", ""},
		{"another case", post("/Webhooks/meta/main", signature, 2) + "{}", 404, "", ""},
		{"another app's case", post("/webhooks/meta/Main", signature, 2) + "{}", 404, "", ""},
		{"unknown path", post("/webhooks/meta/main/"+phone, signature, 2) + "{}", 404, "", ""},
		{"PUT", "PUT " + hook + " HTTP/1.1\r\nHost: wagate\r\n" + signature + "Content-Length: 2\r\n\r\n{}", 405, "", "GET, HEAD, POST"},
		{"GET where there is only POST", "GET " + callback + " HTTP/1.1\r\nHost: wagate\r\n\r\n", 405, "", "POST"},
		{"HEAD where there is only POST", "HEAD " + callback + " HTTP/1.1\r\nHost: wagate\r\n\r\n", 405, "", "POST"},
		{"OPTIONS", "OPTIONS /backend/leads/" + phone + " HTTP/1.1\r\nHost: wagate\r\n\r\n", 401, "", ""},
		{"HEAD of the handshake", "HEAD " + challenge + " HTTP/1.1\r\nHost: wagate\r\n\r\n", 200, "", ""},
		{"unknown method", "BREW " + hook + " HTTP/1.1\r\nHost: wagate\r\n\r\n", 400, "", ""},
		{"not HTTP", "\x16\x03\x01\x02\x00\x01\x00 " + phone + "\r\n\r\n", 400, "", ""},
		{"a negative length", strings.Replace(post(hook, signature, 2), "Length: 2", "Length: -2", 1), 400, "", ""},
		{"a length out of range", strings.Replace(post(hook, signature, 2), "Length: 2", "Length: 99999999999999999999", 1), 400, "", ""},
		{"a length that is not a number", strings.Replace(post(hook, signature, 2), "Length: 2", "Length: two", 1), 400, "", ""},
		{"a very long URL", post(hook+"?to="+strings.Repeat(phone, 10_000), signature, 2), 431, "", ""},
		{"a very long header", post(hook, signature+"X-Phone: "+strings.Repeat(phone, 10_000)+"\r\n", 2), 431, "", ""},
		{"very many headers", post(hook, strings.Repeat("X-Phone: "+phone+"\r\n", 10_000), 2), 431, "", ""},
		{"unknown expectation", post(hook, "Expect: 413\r\n"+signature, 2) + "{}", 413, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, settings{})
			addr, stop := serve(t, h.public, server.ListenParams{})
			w := dial(t, addr)
			method, _, _ := strings.Cut(tt.request, " ")
			r := w.send(tt.request).receive(method)
			if r.status != tt.status || r.header.Get("Allow") != tt.allow {
				t.Errorf("got %d, Allow %q, want %d, %q", r.status, r.header.Get("Allow"), tt.status, tt.allow)
			}
			if strings.Contains(r.body, phone) {
				t.Errorf("got answer %.200s, want one that does not repeat the request", r.body)
			}
			got := h.webhooks.got()
			if handed := tt.status == 200 && method == "POST"; (len(got) == 1) != handed || handed && string(got[0]) != tt.body {
				t.Errorf("got %d bodies passed on, %.20q, want %.20q", len(got), got, tt.body)
			}
			_ = w.Close()
			stop()
			if h.log.Len() > 0 {
				t.Errorf("got log %.300q, want nothing", h.log)
			}
		})
	}
}

// TestContentEncoding: a compressed body is refused with 415.
func TestContentEncoding(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	for encoding, want := range map[string]int{
		"identity": 200, "Identity": 200, "IDENTITY": 200,
		"gzip": 415, "GZIP": 415, "br": 415, "identity, gzip": 415, "none": 415,
	} {
		r := do(t, h.public, request{method: "POST", path: hook, body: "{}", header: map[string]string{
			"X-Hub-Signature-256": "sha256=right", "Content-Encoding": encoding,
		}})
		if r.status != want {
			t.Errorf("%s: got %d, want %d", encoding, r.status, want)
		}
	}
	if got := len(h.webhooks.got()); got != 3 {
		t.Errorf("got %d bodies passed on, want 3", got)
	}
}

// TestAnyContentTypeIsAccepted: a signed body is accepted with any Content-Type, and is passed on
// byte for byte.
func TestAnyContentTypeIsAccepted(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{
		"", "application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense",
	} {
		h := newHarness(t, settings{})
		addr, _ := serve(t, h.public, server.ListenParams{})
		const body = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n{}\r\n--x--\r\n"
		r := dial(t, addr).send(post(hook, signature+"Content-Type: "+kind+"\r\n", len(body)) + body).receive("POST")
		if got := h.webhooks.got(); r.status != 200 || len(got) != 1 || string(got[0]) != body {
			t.Errorf("%q: got %d, %q, want the bytes as they came", kind, r.status, got)
		}
	}
}

// TestPipelinedRequests: requests that are sent at once on one connection are answered in order,
// also behind a request whose body was not wanted.
func TestPipelinedRequests(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	addr, _ := serve(t, h.public, server.ListenParams{})
	large := strings.Repeat("b", 300<<10)
	w := dial(t, addr).send(post(hook, signature, 1) + "a" +
		post(hook, "", 5000) + strings.Repeat("x", 5000) + // unsigned
		post("/nowhere", "", 8<<10) + strings.Repeat("x", 8<<10) + // the most that is read with the header
		post(hook, signature, len(large)) + large +
		"POST " + hook + " HTTP/1.1\r\nHost: wagate\r\n" + signature + "Transfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n" +
		"GET /nowhere HTTP/1.1\r\nHost: wagate\r\nContent-Length: 3\r\n\r\nyyy" +
		post(hook, signature+"Connection: close\r\n", 1) + "d")
	for i, want := range []int{200, 401, 404, 200, 200, 404, 200} {
		if r := w.receive("POST"); r.status != want {
			t.Errorf("request %d: got %d %s, want %d", i, r.status, r.body, want)
		}
	}
	w.wantClosed()
	got := h.webhooks.got()
	if len(got) != 4 || string(got[0]) != "a" || string(got[1]) != large || string(got[2]) != "c" || string(got[3]) != "d" {
		t.Errorf("got %d bodies, %.20q, want a, bbb…, c, d", len(got), got)
	}
}

// TestI10NothingIsSmuggled: what follows a body that was not read is never treated as a request.
func TestI10NothingIsSmuggled(t *testing.T) {
	t.Parallel()
	inner := post(hook, signature, 2) + "{}"
	padded := strings.Repeat("x", 20_000) + inner
	for name, outer := range map[string]string{
		"unsigned":     post(hook, "", len(padded)) + padded,
		"chunked":      "POST " + hook + " HTTP/1.1\r\nHost: wagate\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n", len(inner)) + inner + "\r\n0\r\n\r\n",
		"no route":     post("/nowhere", "", len(padded)) + padded,
		"no method":    "BREW / HTTP/1.1\r\nContent-Length: " + fmt.Sprint(len(padded)) + "\r\n\r\n" + padded,
		"GET":          "GET " + hook + " HTTP/1.1\r\nContent-Length: " + fmt.Sprint(len(padded)) + "\r\n\r\n" + padded,
		"too large":    post("/backend/leads", "", 300<<10) + inner,
		"broken chunk": "POST " + hook + " HTTP/1.1\r\nHost: wagate\r\n" + signature + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + inner,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, settings{})
			addr, _ := serve(t, h.public, server.ListenParams{})
			w := dial(t, addr).send(outer)
			if r := w.receive("POST"); r.status < 400 {
				t.Errorf("got %d, want a refusal", r.status)
			}
			w.wantClosed()
			if got := h.webhooks.got(); len(got) > 0 {
				t.Errorf("got %q passed on, want nothing", got)
			}
		})
	}
}
