package inbound

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestDrill is the drill on a small scale: Redis, two wagates and all simulators,
// three kills, the account.
func TestDrill(t *testing.T) {
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
	if out, err := exec.CommandContext(t.Context(), "go", append(args, "wagate/gateway")...).CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	ok, err := Run(t.Context(), Params{Wagate: program, Size: Tiny, Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Error("the account falls short: see its figures above")
	}
}
