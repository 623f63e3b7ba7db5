package transport_test

import (
	"bufio"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// rawServer is a TCP server that misbehaves as its serve function says. It keeps the
// first line of each request.
type rawServer struct {
	net.Listener

	wg    sync.WaitGroup
	mu    sync.Mutex
	conns []net.Conn
	seen  []string
}

// newRawServer starts a server that calls serve for each connection, and
// stops it when the test ends.
func newRawServer(t *testing.T, serve func(*rawServer, *bufio.Reader, net.Conn)) *rawServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &rawServer{Listener: l}
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.mu.Unlock()
			s.wg.Go(func() {
				defer c.Close()
				serve(s, bufio.NewReader(c), c)
			})
		}
	})
	t.Cleanup(s.stop)
	return s
}

// stop closes everything and waits until all serve functions have returned.
func (s *rawServer) stop() {
	_ = s.Close()
	s.mu.Lock()
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// line reads and keeps a request's first line.
func (s *rawServer) line(r *bufio.Reader) bool {
	line, err := r.ReadString('\n')
	if line == "" {
		return false
	}
	s.mu.Lock()
	s.seen = append(s.seen, strings.TrimSpace(line))
	s.mu.Unlock()
	return err == nil
}

// headers reads up to and including the empty line.
func headers(r *bufio.Reader) {
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == "\r\n" {
			return
		}
	}
}

// request reads a whole request with payload as its body.
func (s *rawServer) request(r *bufio.Reader) bool {
	if !s.line(r) {
		return false
	}
	headers(r)
	_, err := io.CopyN(io.Discard, r, int64(len(payload)))
	return err == nil
}

// requests returns the first lines read.
func (s *rawServer) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// last returns the first line of the latest request.
func (s *rawServer) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[len(s.seen)-1]
}

// accepted returns how many connections were accepted.
func (s *rawServer) accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}
