package writer_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain fails if a goroutine is left running in the end. It waits up to a minute, because
// connections are closed by goroutines of their own, which takes a while on a busy machine.
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
