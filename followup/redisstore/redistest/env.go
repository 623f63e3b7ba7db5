package redistest

import (
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// need skips the test if redis-server is not installed, or fails it with CI=true in the environment.
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

// FreePort returns a port that nobody listens on, at 127.0.0.1 and at the given addresses of this
// machine. It is below the range from which the kernel takes ports for outgoing connections.
// Nothing reserves the port: another process may take it before the caller does.
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

// bind listens on a port at each of the addresses, and closes the listeners again.
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
