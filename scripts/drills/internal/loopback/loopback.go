// Package loopback serves the simulators of a drill.
package loopback

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Server is an HTTP server on a free loopback port. Listen starts it and Close ends it.
type Server struct {
	// Addr is the address it listens on, host:port.
	Addr string

	name   string
	server *http.Server
	served chan struct{}
}

// Listen starts a server. Errors mention its name.
func Listen(name string, serve http.HandlerFunc) (*Server, error) {
	lis, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a local bind
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	l := &Server{
		Addr: lis.Addr().String(), name: name, served: make(chan struct{}),
		server: &http.Server{Handler: serve, ReadHeaderTimeout: time.Minute},
	}
	go func() {
		defer close(l.served)
		_ = l.server.Serve(lis) // only Close ends it
	}()
	return l, nil
}

// Close ends the server and cuts its connections.
func (l *Server) Close() error {
	err := l.server.Close()
	<-l.served
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("stop %s: %w", l.name, err)
	}
	return nil
}
