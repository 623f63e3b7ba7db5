package writer_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain wants nothing left running in the end, which takes a while on a busy machine:
// connections are closed by goroutines of their own.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		leak := goleak.Find()
		for began := time.Now(); leak != nil && time.Since(began) < time.Minute; {
			leak = goleak.Find()
		}
		if leak != nil {
			fmt.Fprintln(os.Stderr, leak)
			code = 1
		}
	}
	os.Exit(code)
}
