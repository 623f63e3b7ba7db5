package transport

import (
	"context"
	"net"
	"net/http/httptrace"
	"sync"
)

// conn is a connection that counts the bytes written to it and can be sealed.
type conn struct {
	net.Conn

	mu      sync.Mutex
	written int64
	sealed  bool
}

// Write writes p, or fails with net.ErrClosed if the connection is sealed.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sealed {
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Write(p)
	c.written += int64(n)
	return n, err
}

// count returns how many bytes have been written.
func (c *conn) count() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.written
}

// seal ends all writing, including a Write in progress, and returns the final count.
func (c *conn) seal() int64 {
	_ = c.Close() // unblocks a Write that holds the lock
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sealed = true
	return c.written
}

// witness records which connections a request is given.
type witness struct {
	mu   sync.Mutex
	uses []use
	lost bool // the request got a connection that does not count bytes
}

// use is a connection together with its count when the request got it.
type use struct {
	conn  *conn
	start int64
}

// watch returns a context in which a request reports its connections to w.
func (w *witness) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if c := counted(info.Conn); c != nil {
			w.uses = append(w.uses, use{conn: c, start: c.count()})
			return
		}
		w.lost = true
	}})
}

// wrote seals every connection of the request and reports whether any byte may have been written to
// one of them.
func (w *witness) wrote() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	wrote := w.lost
	for _, u := range w.uses {
		if u.conn.seal() != u.start {
			wrote = true
		}
	}
	return wrote
}

// counted returns the counting connection below c, nil if there is none.
func counted(c net.Conn) *conn {
	for {
		switch below := c.(type) {
		case *conn:
			return below
		case interface{ NetConn() net.Conn }: // *tls.Conn
			c = below.NetConn()
		default:
			return nil
		}
	}
}
