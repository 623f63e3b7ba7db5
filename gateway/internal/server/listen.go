package server

import (
	"cmp"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A connection that is closed while its client still writes is reset. The reset overtakes the
// answer: the client reads an error where it should read 413. So what arrives after the answer is
// read and discarded for a while.
const (
	lingerTime  = 5 * time.Second
	lingerBytes = 32 << 20
	refuseTime  = time.Second
	maxRefusing = 64 // at once
)

// silentTime is how long a connection that has not sent anything may hold up the end of its
// listener. A client that has just connected is about to send. One that connected ahead of need may
// not do so for minutes.
const silentTime = time.Second

// refusal is the answer to a connection that finds no place.
const refusal = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nConnection: close\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 11\r\n\r\nunavailable"

// ListenParams bounds a listener.
type ListenParams struct {
	// Most is how many connections are served at once. Further ones are answered 503 and closed.
	Most int
	// Refused is called for each of those. May be nil.
	Refused func()
	// Linger is for how long data that arrives after the last answer is read and discarded.
	// Default: 5 s, and 1 s for a connection that gets no place.
	Linger time.Duration
}

// Listen returns a listener on which to serve an app of this package. It closes connections in such
// a way that clients can read the last answer, and it outlives a shortage of file descriptors.
func Listen(l net.Listener, p ListenParams) net.Listener {
	if p.Refused == nil {
		p.Refused = func() {}
	}
	return &listener{Listener: l, p: p, refusing: make(chan struct{}, maxRefusing), silent: map[*conn]struct{}{}}
}

type listener struct {
	net.Listener

	p        ListenParams
	open     atomic.Int64
	refusing chan struct{}
	wg       sync.WaitGroup // the refusals in progress

	mu     sync.Mutex
	silent map[*conn]struct{} // those that have not sent anything yet
	closed bool
}

// Accept waits for the next connection that has a place. Connections that have none are refused.
func (l *listener) Accept() (net.Conn, error) {
	const first, longest = 5 * time.Millisecond, time.Second
	for pause := first; ; {
		c, err := l.Listener.Accept()
		if err != nil {
			if !transient(err) {
				return nil, err
			}
			time.Sleep(pause)
			pause = min(2*pause, longest)
			continue
		}
		pause = first
		if l.open.Add(1) <= int64(l.p.Most) {
			return l.admit(c), nil
		}
		l.open.Add(-1)
		l.refuse(c)
	}
}

// transient reports whether an error of Accept is about the state of the machine or about the
// caller, and not about the listener. The server takes every other error for the end of the
// listener.
func transient(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// refuse answers a connection that has no place, without holding up Accept. After the end of the
// listener it only closes the connection, because nobody would wait for the answer.
func (l *listener) refuse(c net.Conn) {
	l.p.Refused()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = c.Close()
		return
	}
	select {
	case l.refusing <- struct{}{}:
	default:
		_ = c.Close()
		return
	}
	l.wg.Go(func() {
		defer func() { <-l.refusing }()
		within := cmp.Or(l.p.Linger, refuseTime)
		_ = c.SetDeadline(time.Now().Add(within))
		if _, err := io.WriteString(c, refusal); err == nil {
			discard(c, within)
		}
		_ = c.Close()
	})
}

// Close stops listening and waits for the refusals in progress. A connection that has not sent
// anything until then is given a second to do so.
func (l *listener) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	l.closed = true
	for c := range l.silent {
		c.expireIfSilent()
	}
	l.mu.Unlock()
	l.wg.Wait()
	return err
}

// admit gives a connection its place.
func (l *listener) admit(nc net.Conn) *conn {
	c := &conn{Conn: nc, l: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent[c] = struct{}{}
	if l.closed { // closed while the connection was accepted
		c.expireIfSilent()
	}
	return c
}

// heard records that a connection has sent something, has ended, or is given up. It returns false
// if that was recorded before.
func (l *listener) heard(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, silent := l.silent[c]
	delete(l.silent, c)
	return silent
}

// conn is a connection that has a place.
type conn struct {
	net.Conn

	l      *listener
	spoke  atomic.Bool
	unread atomic.Bool // the client may still be writing
	once   sync.Once
	err    error
}

// expireIfSilent gives the connection up if it stays silent for silentTime. The server would wait
// for its first byte as long as for a header, which is longer than a stop may take.
func (c *conn) expireIfSilent() {
	time.AfterFunc(silentTime, func() {
		if c.l.heard(c) {
			_ = c.Close()
		}
	})
}

// Read implements net.Conn. On a connection that was given up it returns io.EOF.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if !c.spoke.Load() && (n > 0 || err != nil) {
		c.spoke.Store(true)
		if !c.l.heard(c) {
			return 0, io.EOF
		}
	}
	return n, err
}

// markUnread records that the connection is going to be closed before everything was read.
func markUnread(c net.Conn) {
	if c, ok := c.(*conn); ok {
		c.unread.Store(true)
	}
}

// Setting a deadline on a connection that is gone has no effect, and returns no error: the server
// would panic on an error. Reading and writing report that the connection is gone.

// SetDeadline implements net.Conn. It returns no error.
func (c *conn) SetDeadline(t time.Time) error {
	_ = c.Conn.SetDeadline(t)
	return nil
}

// SetReadDeadline implements net.Conn. It returns no error. It sets the deadline for writing as
// well. The server sets the deadline for reading for each request, but the one for writing only
// before the answer. What is written earlier (100, 400, 408) would be under the deadline of the
// previous answer, which is over on a connection that was idle.
func (c *conn) SetReadDeadline(t time.Time) error {
	_ = c.Conn.SetReadDeadline(t)
	if !t.IsZero() {
		t = t.Add(writeTimeout)
	}
	_ = c.Conn.SetWriteDeadline(t)
	return nil
}

// SetWriteDeadline implements net.Conn. It returns no error.
func (c *conn) SetWriteDeadline(t time.Time) error {
	_ = c.Conn.SetWriteDeadline(t)
	return nil
}

// Close closes the connection and frees its place.
func (c *conn) Close() error {
	c.once.Do(func() {
		if c.unread.Load() {
			discard(c.Conn, cmp.Or(c.l.p.Linger, lingerTime))
		}
		c.l.heard(c)
		c.l.open.Add(-1)
		c.err = c.Conn.Close()
	})
	return c.err
}

// discard closes the connection for writing, and reads and discards what still arrives.
func discard(c net.Conn, within time.Duration) {
	if w, ok := c.(interface{ CloseWrite() error }); ok {
		_ = w.CloseWrite()
	}
	_ = c.SetReadDeadline(time.Now().Add(within))
	_, _ = io.CopyN(io.Discard, c, lingerBytes)
}
