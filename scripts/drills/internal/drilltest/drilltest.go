// Package drilltest holds what the tests of all drills share.
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

// Run builds wagate, runs a drill of it and reports whether all figures meet their aims. The drill
// reports to the test unless p.Out is set.
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

// build builds the program, with the race detector if the test runs with it, and returns its path.
// It skips the test if no redis-server is installed, and fails it in CI.
func build(t *testing.T) string {
	t.Helper()
	t.Setenv("GORACE", "halt_on_error=1") // a race ends wagate, and the account shows that
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
