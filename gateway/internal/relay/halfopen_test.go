package relay

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup/memstore"
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

// TestI9ALostConnectionIsLeft: where a connection of HTTP/2 is lost without a word, as behind a
// gateway that forgot it, the assistant can be reached over another, and is.
func TestI9ALostConnectionIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var protocol, got atomic.Int64
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			protocol.Store(int64(r.ProtoMajor))
			got.Add(1)
		}))
		network := &pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
		_ = server.Listener.Close()
		server.Listener, server.EnableHTTP2 = network, true
		server.StartTLS()
		defer server.Close()

		s := memstore.New()
		r, _ := bubble(t, s, nil)
		r.client = newClient(newDialer(true), r.p.PerAssistant)
		over := r.client.Transport.(*http.Transport) //nolint:forcetypeassert // it is one
		over.DialContext = network.dial
		over.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // of a test
		events(t, s, assistantID(1), "1", 0, 1)
		r.Wake()
		synctest.Wait()
		if got.Load() != 1 || protocol.Load() != 2 {
			t.Fatalf("got %d deliveries over HTTP/%d, want one over HTTP/2", got.Load(), protocol.Load())
		}
		network.lose()
		events(t, s, assistantID(1), "1", 1, 1)
		r.Wake()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got.Load() != 2 {
			t.Errorf("got %d deliveries a minute later, want both", got.Load())
		}
		if err := r.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
