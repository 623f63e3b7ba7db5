package relay

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
)

// names is a name server that answers each question for an IPv4 address with the one
// it was told last, however often a question is repeated that was not answered in time.
type names struct {
	conn    net.PacketConn
	address atomic.Value // netip.Addr
}

func newNames(t *testing.T, address string) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{conn: conn}
	n.move(address)
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.serve()
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return n
}

// move gives the name another address.
func (n *names) move(address string) { n.address.Store(netip.MustParseAddr(address)) }

func (n *names) serve() {
	q := make([]byte, 512)
	for {
		size, from, err := n.conn.ReadFrom(q)
		if err != nil {
			return
		}
		if a := n.answer(q[:size]); a != nil {
			_, _ = n.conn.WriteTo(a, from)
		}
	}
}

// answer answers a question of one name (RFC 1035 §4.1).
func (n *names) answer(q []byte) []byte {
	const header, typeA = 12, 1
	end := header
	for end < len(q) && q[end] != 0 {
		end += int(q[end]) + 1
	}
	if end += 5; end > len(q) { // the root, type and class
		return nil
	}
	a := binary.BigEndian.AppendUint16(nil, binary.BigEndian.Uint16(q)) // its number
	isA := binary.BigEndian.Uint16(q[end-4:]) == typeA
	counts := []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0} // an answer; one question
	if isA {
		counts[5] = 1
	}
	a = append(append(a, counts...), q[header:end]...)
	if !isA {
		return a
	}
	a = append(a, 0xc0, header, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4) // that name; good for no time
	address, _ := n.address.Load().(netip.Addr)
	return append(a, address.AsSlice()...)
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", n.conn.LocalAddr().String())
	}}
}

// TestDNSRebinding: a name that answers whoever looks first with a public
// address, and with one of ours when it comes to the connection, leads nowhere.
func TestDNSRebinding(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(srv.Close)
	_, port := splitPort(t, srv.URL)
	get := func(n *names, allowPrivate bool) error {
		d := newDialer(allowPrivate)
		d.Resolver = n.resolver()
		res, err := newClient(d, 1).Get("http://rebind.example.:" + port)
		if err == nil {
			_ = res.Body.Close()
		}
		return err
	}
	n := newNames(t, "8.8.8.8")
	if a, err := n.resolver().LookupHost(t.Context(), "rebind.example."); err != nil || len(a) != 1 || a[0] != "8.8.8.8" {
		t.Fatalf("looked up first: got %v, %v, want the public address", a, err)
	}
	n.move("127.0.0.1")
	if err := get(n, false); !errors.Is(err, errBlocked) || hits.Load() != 0 {
		t.Errorf("got %v and %d requests, want errBlocked and none", err, hits.Load())
	}
	if err := get(n, true); err != nil || hits.Load() != 1 {
		t.Errorf("allowed: got %v and %d requests, want one", err, hits.Load())
	}
}
