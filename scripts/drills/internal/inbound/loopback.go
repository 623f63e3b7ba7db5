package inbound

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// loopback is a server on a free port, from listen to close.
type loopback struct {
	addr   string
	name   string
	server *http.Server
	served chan struct{}
}

func listen(name string, serve http.HandlerFunc) (*loopback, error) {
	lis, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a local bind
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	l := &loopback{
		addr: lis.Addr().String(), name: name, served: make(chan struct{}),
		server: &http.Server{Handler: serve, ReadHeaderTimeout: time.Minute},
	}
	go func() {
		defer close(l.served)
		_ = l.server.Serve(lis) // ends when close is called, the only end there is
	}()
	return l, nil
}

func (l *loopback) close() error {
	err := l.server.Close()
	<-l.served
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("stop %s: %w", l.name, err)
	}
	return nil
}
