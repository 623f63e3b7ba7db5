package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParse checks that no file makes Parse panic, that its error is Problems of one line each, and
// that none shows a variable's value at a secret key.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.yaml", "testdata/bad/*.yaml", "*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(data))
		}
	}
	f.Fuzz(func(t *testing.T, data string) {
		const held = "q7-held-by-a-variable"
		c, err := Parse([]byte(data), func(string) (string, bool) { return held, true })
		if err == nil {
			if _, err := c.Dump(); err != nil {
				t.Fatalf("dump: %v", err)
			}
			return
		}
		problems, ok := errors.AsType[Problems](err)
		if !ok || len(problems) == 0 {
			t.Fatalf("got %T, want Problems", err)
		}
		for _, p := range problems {
			if strings.Contains(p.String(), "\n") {
				t.Errorf("got a problem of several lines: %q", p)
			}
			if strings.Contains(p.Text, held) && !strings.Contains(data, held) && isSecret(p.Path) {
				t.Errorf("got a problem that shows a variable's value: %s", p)
			}
		}
	})
}

// isSecret reports whether the key at path may hold a secret.
func isSecret(path string) bool {
	for _, key := range []string{"token", "secret", "password", "api_key", "url"} {
		if strings.Contains(path, key) {
			return true
		}
	}
	return false
}
