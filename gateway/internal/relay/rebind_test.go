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

// nameServer is a DNS server that answers every question for an IPv4 address with the address set
// last. A question that is repeated because its answer was late gets the same answer.
type nameServer struct {
	conn    net.PacketConn
	address atomic.Value // netip.Addr
}

// newNameServer starts a name server that answers with the address.
func newNameServer(t *testing.T, address string) *nameServer {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{conn: conn}
	s.move(address)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.serve()
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return s
}

// move changes the address that the server answers with.
func (s *nameServer) move(address string) { s.address.Store(netip.MustParseAddr(address)) }

// serve answers questions until the connection is closed.
func (s *nameServer) serve() {
	q := make([]byte, 512)
	for {
		size, from, err := s.conn.ReadFrom(q)
		if err != nil {
			return
		}
		if a := s.answer(q[:size]); a != nil {
			_, _ = s.conn.WriteTo(a, from)
		}
	}
}

// answer returns the answer to a question about one name (RFC 1035 §4.1), or nil if the question is
// malformed.
func (s *nameServer) answer(q []byte) []byte {
	const header, typeA = 12, 1
	end := header
	for end < len(q) && q[end] != 0 {
		end += int(q[end]) + 1
	}
	if end += 5; end > len(q) { // the root label, type and class
		return nil
	}
	a := binary.BigEndian.AppendUint16(nil, binary.BigEndian.Uint16(q)) // the question's id
	isA := binary.BigEndian.Uint16(q[end-4:]) == typeA
	counts := []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0} // flags of a response; one question
	if isA {
		counts[5] = 1
	}
	a = append(append(a, counts...), q[header:end]...)
	if !isA {
		return a
	}
	a = append(a, 0xc0, header, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4) // a pointer to the name; a TTL of 0
	address, _ := s.address.Load().(netip.Addr)
	return append(a, address.AsSlice()...)
}

// resolver returns a resolver that asks this server.
func (s *nameServer) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", s.conn.LocalAddr().String())
	}}
}

// TestDNSRebinding: a name may resolve to a public address when it is first looked up, and to a
// private one when the connection is made. Such a name leads nowhere.
func TestDNSRebinding(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(srv.Close)
	_, port := splitPort(t, srv.URL)
	get := func(n *nameServer, allowPrivate bool) error {
		d := newDialer(allowPrivate)
		d.Resolver = n.resolver()
		res, err := newClient(d, 1).Get("http://rebind.example.:" + port)
		if err == nil {
			_ = res.Body.Close()
		}
		return err
	}
	n := newNameServer(t, "8.8.8.8")
	if a, err := n.resolver().LookupHost(t.Context(), "rebind.example."); err != nil || len(a) != 1 || a[0] != "8.8.8.8" {
		t.Fatalf("first look-up: got %v (%v), want the public address", a, err)
	}
	n.move("127.0.0.1")
	if err := get(n, false); !errors.Is(err, errBlocked) || hits.Load() != 0 {
		t.Errorf("got %v and %d requests, want errBlocked and none", err, hits.Load())
	}
	if err := get(n, true); err != nil || hits.Load() != 1 {
		t.Errorf("allowed: got %v and %d requests, want one", err, hits.Load())
	}
}
