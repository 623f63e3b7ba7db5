package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is got into the .want files")

// environment is the lookup for the variables that the test files use.
func environment(name string) (string, bool) {
	value, ok := map[string]string{
		"SECRET": "hunter2",
		"INJECT": "20s\nsandbox: true",
		"EMPTY":  "",
		"DOLLAR": "a${SECRET}b",
		"LINE":   "hunter2\n",
	}[name]
	return value, ok
}

// TestInvalidFiles has one file for each rule. bad/x.want holds all problems of bad/x.yaml, so that
// a rule that fires besides the intended one is noticed.
func TestInvalidFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			_, err := Load(file, environment)
			problems, ok := errors.AsType[Problems](err)
			if !ok {
				t.Fatalf("got error %v, want Problems", err)
			}
			got := problems.Error() + "\n"
			golden := strings.TrimSuffix(file, ".yaml") + ".want"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
			if strings.Contains(got, "hunter2") {
				t.Error("got a secret in the problems, want it masked")
			}
		})
	}
}
