// Package drilltest has what the tests of all drills need.
package drilltest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"wagate/scripts/drills/internal/stage"
)

// Run runs a drill of wagate, which it tells the test about unless the params say
// whom else, and reports whether the account holds.
func Run(t *testing.T, p stage.Params, drill func(context.Context, *stage.Stage) error) bool {
	t.Helper()
	p.Wagate = build(t)
	if p.Out == nil {
		p.Out = t.Output()
	}
	s, err := stage.New(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(drill(t.Context(), s), s.Close()); err != nil {
		t.Fatal(err)
	}
	return s.End()
}

// build builds the program, with the race detector if the test has it, and
// returns its path. Without a redis-server to drill it on the test is skipped.
func build(t *testing.T) string {
	t.Helper()
	t.Setenv("GORACE", "halt_on_error=1") // a race ends wagate, which the account tells
	if _, err := exec.LookPath("redis-server"); err != nil {
		const missing = "redis-server is not installed: nothing was drilled"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip("SKIPPED: " + missing)
	}
	program := filepath.Join(t.TempDir(), "wagate")
	args := []string{"build", "-o", program}
	if raceDetector {
		args = append(args, "-race")
	}
	if out, err := exec.CommandContext(t.Context(), "go", append(args, "wagate/gateway")...).CombinedOutput(); err != nil { //nolint:gosec // our own program
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return program
}
