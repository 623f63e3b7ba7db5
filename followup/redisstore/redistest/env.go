package redistest

import (
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// need skips the test without redis-server, or fails it where that is a fault.
func need(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err == nil {
		return
	}
	const missing = "redistest: redis-server is not installed: this test ran against no real Redis"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip("SKIPPED: " + missing)
}

// FreePort returns a port nobody listens on at 127.0.0.1 and at these addresses of this machine, below the
// range from which the kernel takes ports for connections going out.
func FreePort(t testing.TB, addresses ...string) int {
	t.Helper()
	var err error
	for range 200 {
		port := 10_000 + rand.IntN(22_000) //nolint:gosec // no secret
		if err = bind(port, append(addresses, "127.0.0.1")); err == nil {
			return port
		}
	}
	t.Fatalf("redistest: no free port: %v", err)
	return 0
}

// bind listens on a port at each of the addresses, and ends that.
func bind(port int, addresses []string) error {
	for _, a := range addresses {
		l, err := net.Listen("tcp", net.JoinHostPort(a, strconv.Itoa(port)))
		if err != nil {
			return err
		}
		_ = l.Close()
	}
	return nil
}
