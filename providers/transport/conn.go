package transport

import (
	"context"
	"net"
	"net/http/httptrace"
	"sync"
)

// conn counts what is written to a connection and can be sealed.
type conn struct {
	net.Conn

	mu      sync.Mutex
	written int64
	sealed  bool
}

// Write writes unless the connection is sealed.
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

// seal ends all writing, also one that is going on, and returns the final count.
func (c *conn) seal() int64 {
	_ = c.Close() // unblocks a Write that holds the lock
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sealed = true
	return c.written
}

// witness watches which connections a request is given.
type witness struct {
	mu   sync.Mutex
	uses []use
	lost bool // a connection was got that does not count
}

// use is a connection and its count when the request got it.
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

// wrote seals every connection the request was given and reports whether any
// byte can have left on one of them.
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
