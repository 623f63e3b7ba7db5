package redistest

import (
	"fmt"
	"testing"
	"time"
)

// StartSentinel starts a sentinel that alone decides which server is the master called name: at
// first the server at host and port, and one of its replicas once the master has been gone for so
// long.
func StartSentinel(t testing.TB, name, host, port string, gone time.Duration, opts ...Option) *Server {
	t.Helper()
	return Start(t, append([]Option{
		TCP(), func(s *Server) { s.args = []string{"--sentinel"} },
		Set("sentinel monitor "+name, fmt.Sprintf("%s %s 1", host, port)),
		Set("sentinel down-after-milliseconds "+name, milliseconds(gone)),
		Set("sentinel failover-timeout "+name, milliseconds(10*gone)),
	}, opts...)...)
}
