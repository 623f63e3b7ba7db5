// Command testsum reads the output of `go test -json` and prints a summary for people: a line for
// each package as it ends, the output of failed tests, every skipped test with its reason, the
// slowest packages, and last the number of tests that passed.
//
// It exits 1 if a test failed or, with -no-skips, was skipped.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	noSkips := flag.Bool("no-skips", false, "a skipped test is a failure")
	flag.Parse()
	s := newSummary(os.Stdout)
	err := s.read(os.Stdin)
	if err == nil {
		s.end()
	}
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(1)
	case s.failed > 0, *noSkips && s.skipped > 0:
		os.Exit(1)
	}
}
