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

// freePort returns a loopback port nobody listens on, below the range from
// which the kernel takes ports for connections going out.
func freePort(t testing.TB) int {
	t.Helper()
	for range 200 {
		port := 10_000 + rand.IntN(22_000) //nolint:gosec // no secret
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("redistest: no free port")
	return 0
}
