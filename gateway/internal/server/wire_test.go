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
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"wagate/gateway/internal/server"
)

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

// wire is a client that says exactly what it is told.
type wire struct {
	t *testing.T
	net.Conn

	in *bufio.Reader
}

func newWire(t *testing.T, c net.Conn) *wire {
	t.Helper()
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return &wire{t: t, Conn: c, in: bufio.NewReader(c)}
}

// say sends text as it stands.
func (w *wire) say(text string) *wire {
	w.t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		w.t.Fatalf("say %.40q: %v", text, err)
	}
	return w
}

// hear reads the answer to a request.
func (w *wire) hear(method string) response {
	w.t.Helper()
	res, err := http.ReadResponse(w.in, &http.Request{Method: method})
	if err != nil {
		w.t.Fatalf("hear: %v", err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatalf("hear: %v", err)
	}
	return response{res.StatusCode, string(b), res.Header}
}

// ends checks that the server says nothing more and closes.
func (w *wire) ends() {
	w.t.Helper()
	if b, err := w.in.ReadByte(); !errors.Is(err, io.EOF) {
		w.t.Errorf("after the last answer: got %q, %v, want the end", b, err)
	}
}

// serve serves an app on a loopback socket until the test ends, or until it is
// told to.
func serve(t *testing.T, app *fiber.App, p server.ListenParams) (addr string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.Most = cmp.Or(p.Most, 100)
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
		_ = l.Close() // of a server that had not begun
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String(), stop
}

// dial connects to what serve serves.
func dial(t *testing.T, addr string) *wire {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return newWire(t, c)
}

// accepting is a listener with one connection, which tells when the server says
// that it will write no more.
type accepting struct {
	net.Listener

	conn net.Conn
	shut func()
}

func (a accepting) Accept() (net.Conn, error) { return halves{a.conn, a.shut}, nil }

type halves struct {
	net.Conn

	shut func()
}

func (h halves) CloseWrite() error {
	if h.shut != nil {
		h.shut()
	}
	return nil
}

// pipe is a connection on which what was said is read: saying returns then.
func (h *house) pipe(t *testing.T) (w *wire, ended <-chan struct{}) {
	t.Helper()
	_ = h.public.Handler() // builds the routes
	client, conn := net.Pipe()
	c, err := server.Listen(accepting{conn: conn, shut: h.shut}, server.ListenParams{Most: 1}).Accept()
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
	return newWire(t, client), done
}

const (
	hook      = "/webhooks/meta/main"
	signature = "X-Hub-Signature-256: sha256=right\r\n"
)

// post is a POST with these headers and a body that is declared to have size bytes.
func post(path, headers string, size int) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: wagate\r\n%sContent-Length: %d\r\n\r\n", path, headers, size)
}
