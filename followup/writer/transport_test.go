package writer

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// pipes is a network in memory whose connections can be lost: what is written to a lost one
// is taken and arrives nowhere, and nobody says so.
type pipes struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once

	mu    sync.Mutex
	conns []*pipe
}

type pipe struct {
	net.Conn

	lost atomic.Bool
}

func (p *pipe) Write(b []byte) (int, error) {
	if p.lost.Load() {
		return len(b), nil
	}
	return p.Conn.Write(b)
}

func (n *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p := &pipe{Conn: ours}
	n.mu.Lock()
	n.conns = append(n.conns, p)
	n.mu.Unlock()
	n.accept <- theirs
	return p, nil
}

func (n *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-n.accept:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *pipes) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

func (n *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443} }

func (n *pipes) lose() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		c.lost.Store(true)
	}
}

// Where a connection is lost without a word, as behind a gateway that forgot it, the model can
// be reached over another, and is.
func TestALostConnectionIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := &pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"Oi!"}}]}`)
		}))
		_ = server.Listener.Close()
		server.Listener, server.EnableHTTP2 = network, true
		server.StartTLS()
		defer server.Close()
		over := newTransport(1)
		over.DialContext, over.TLSClientConfig = network.dial, &tls.Config{InsecureSkipVerify: true}
		defer over.CloseIdleConnections()
		w := New(Params{Model: "m", BaseURL: "https://model.example/v1", Transport: over})
		for _, lose := range []bool{false, true} {
			if lose {
				network.lose()
			}
			if got, err := w.Write(t.Context(), brief()); got != "Oi!" || err != nil {
				t.Errorf("lost %v: got %q, %v, want the text", lose, got, err)
			}
		}
	})
}
