package proc

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// loopback is where everything listens.
const loopback = "127.0.0.1"

// freePort returns a port that nobody listens on. The port is below the range from which the kernel
// takes ports for outgoing connections. Another process may take it before it is used.
func freePort() (int, error) {
	for range 200 {
		port := 10_000 + rand.IntN(22_000)                                          //nolint:gosec // no secret
		l, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port))) //nolint:noctx // a local bind
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("no free port on %s", loopback)
}
