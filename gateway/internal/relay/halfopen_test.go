package relay

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
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

// listen starts a server that knows HTTP/2, too, on such a network, for the life of the test.
func listen(t *testing.T, handle http.HandlerFunc) *pipes {
	t.Helper()
	server := httptest.NewUnstartedServer(handle)
	network := &pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
	_ = server.Listener.Close()
	server.Listener, server.EnableHTTP2 = network, true
	server.StartTLS()
	t.Cleanup(server.Close)
	return network
}

// carry has a relay reach every assistant over the network.
func (n *pipes) carry(r *Relay) {
	r.client = newClient(newDialer(true), r.p.PerAssistant)
	over := r.client.Transport.(*http.Transport) //nolint:errcheck,forcetypeassert // it is one
	over.DialContext = n.dial
	over.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
}

func (n *pipes) lose() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		c.lost.Store(true)
	}
}

// TestI9ALostConnectionIsLeft: where a connection is lost without a word, as behind a gateway that
// forgot it, the assistant can be reached over another, and is.
func TestI9ALostConnectionIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got atomic.Int64
		network := listen(t, func(http.ResponseWriter, *http.Request) { got.Add(1) })
		s := memstore.New()
		r, _ := bubble(t, s, nil)
		network.carry(r)
		events(t, s, assistantID(1), "1", 0, 1)
		r.Wake()
		time.Sleep(time.Second)
		synctest.Wait()
		if got.Load() != 1 {
			t.Fatalf("got %d deliveries, want one", got.Load())
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

// TestI9AssistantsOfOneHostHaveEachTheirOwn: where assistants of two tenants are behind one host, the
// bodies that one of them does not read are in no way of the other's.
func TestI9AssistantsOfOneHostHaveEachTheirOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hanging, got atomic.Int64
		over := make(chan struct{})
		network := listen(t, func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/1" {
				hanging.Add(1)
				<-over // reads nothing
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			got.Add(1)
		})
		s := memstore.New()
		r, _ := bubble(t, s, nil, func(p *Params) {
			p.Directory = owned([]int{1}, []int{2})
			for n := 1; n <= 2; n++ {
				p.Endpoints[assistantID(n)] = Endpoint{URL: "https://assistants.example/" + strconv.Itoa(n), Secrets: []string{"s"}}
			}
		})
		network.carry(r)
		long := json.RawMessage(`"` + strings.Repeat("x", 300<<10) + `"`)
		for i := range 16 {
			phone := strconv.Itoa(i)
			lead, err := s.Resolve(t.Context(), tenantID(1), followup.Identity{Phone: phone}, true, start)
			if err != nil {
				t.Fatal(err)
			}
			settleOf(t, s, tenantID(1), lead, assistantID(1), phone, long)
		}
		r.Wake()
		time.Sleep(time.Second)
		synctest.Wait()
		if hanging.Load() == 0 {
			t.Fatal("got no delivery that hangs, want some")
		}
		lead, err := s.Resolve(t.Context(), tenantID(2), followup.Identity{Phone: "2"}, true, start)
		if err != nil {
			t.Fatal(err)
		}
		settleOf(t, s, tenantID(2), lead, assistantID(2), "e", long)
		r.Wake()
		time.Sleep(time.Second)
		synctest.Wait()
		if got.Load() != 1 {
			t.Errorf("got %d deliveries of the other, want it at once, while %d hang", got.Load(), hanging.Load())
		}
		close(over)
		if err := r.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
