package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	// The program is built by TestMain, which go test does not see: by these it
	// knows that a result of before the program changed is none.
	_ "wagate/gateway/internal/app"
	_ "wagate/gateway/internal/cli"
)

// binary is the environment variable in which TestMain leaves the program's path for the tests.
const binary = "WAGATE_E2E_BINARY"

// parallel is how many of these tests run at once unless -parallel is given. It is more than the
// number of cores, because the tests wait more than they compute.
const parallel = 6

// TestMain builds the program once for all tests.
func TestMain(m *testing.M) { os.Exit(run(m)) }

// run builds the program and runs the tests. It returns the exit code.
func run(m *testing.M) int {
	flag.Parse()
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "test.parallel" })
	if !set {
		if err := flag.Set("test.parallel", strconv.Itoa(parallel)); err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
			return 1
		}
	}
	dir, err := os.MkdirTemp("", "wagate-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "wagate")
	args := []string{"build", "-o", program}
	if raceDetector {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "wagate/gateway")...)
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "e2e: build the program: %v\n%s", err, out)
		return 1
	}
	if err := os.Setenv(binary, program); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return m.Run()
}
