// Package pipetest is an in-memory network for tests in a testing/synctest bubble. Its connections
// can be lost: writes to a lost connection succeed, but nothing arrives and no error is reported.
package pipetest

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
)

// Network is a network with one server.
type Network struct {
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

// Serve starts a TLS server that also supports HTTP/2. It runs until the test ends.
func Serve(t *testing.T, handle http.HandlerFunc) *Network {
	t.Helper()
	server := httptest.NewUnstartedServer(handle)
	network := &Network{accept: make(chan net.Conn), closed: make(chan struct{})}
	_ = server.Listener.Close()
	server.Listener, server.EnableHTTP2 = network, true
	server.StartTLS()
	t.Cleanup(server.Close)
	return network
}

// Carry makes a transport connect to the server, whatever address it dials.
func (n *Network) Carry(over *http.Transport) {
	over.DialContext = n.dial
	over.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // it is in memory
}

// Lose loses all existing connections.
func (n *Network) Lose() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		c.lost.Store(true)
	}
}

func (n *Network) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p := &pipe{Conn: ours}
	n.mu.Lock()
	n.conns = append(n.conns, p)
	n.mu.Unlock()
	n.accept <- theirs
	return p, nil
}

// Accept implements net.Listener.
func (n *Network) Accept() (net.Conn, error) {
	select {
	case c := <-n.accept:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (n *Network) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

// Addr implements net.Listener.
func (n *Network) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443} }
