package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is one line of `go test -json`, see `go doc test2json`.
type event struct {
	Action      string
	Package     string
	ImportPath  string // only of build events
	Test        string
	Elapsed     float64
	Output      string
	FailedBuild string
}

// summary is the result so far.
type summary struct {
	out                     io.Writer
	passed, failed, skipped int
	packages                map[string]*pkg
	builds                  map[string]string // output of the compiler, by import path
	skips                   []string
	ended                   []*pkg
}

// pkg is a package being tested.
type pkg struct {
	name    string
	elapsed float64
	tests   map[string]*test
	output  strings.Builder // output outside of tests: panics, TestMain
	count   int
	failed  int
}

// test is one test. A test with subtests is not counted; its subtests are.
type test struct {
	output strings.Builder
	parent bool
}

func newSummary(out io.Writer) *summary {
	return &summary{out: out, packages: map[string]*pkg{}, builds: map[string]string{}}
}

// read takes in all events. It prints lines that are no event as they are.
func (s *summary) read(in io.Reader) error {
	r := bufio.NewReader(in)
	for {
		line, err := r.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil {
				s.add(e)
			} else {
				fmt.Fprintf(s.out, "%s", line)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
	}
}

func (s *summary) add(e event) {
	if e.Action == "build-output" {
		s.builds[e.ImportPath] += e.Output
	}
	if e.Package == "" {
		return
	}
	p := s.packages[e.Package]
	if p == nil {
		p = &pkg{name: e.Package, tests: map[string]*test{}}
		s.packages[e.Package] = p
	}
	if e.Test == "" {
		s.addToPackage(p, e)
		return
	}
	t := p.tests[e.Test]
	if t == nil {
		t = &test{}
		p.tests[e.Test] = t
	}
	switch e.Action {
	case "run":
		if i := strings.LastIndexByte(e.Test, '/'); i >= 0 && p.tests[e.Test[:i]] != nil {
			p.tests[e.Test[:i]].parent = true
		}
	case "output":
		t.output.WriteString(e.Output)
	case "pass", "fail", "skip":
		s.endTest(p, t, e)
	}
}

func (s *summary) endTest(p *pkg, t *test, e event) {
	if e.Action == "fail" {
		fmt.Fprintf(s.out, "FAIL %s %s\n%s", p.name, e.Test, indent(t.output.String()))
		p.failed++
	}
	if e.Action == "skip" {
		s.skips = append(s.skips, fmt.Sprintf("%s %s: %s", p.name, e.Test, reason(t.output.String())))
	}
	t.output.Reset()
	if t.parent && e.Action != "skip" {
		return
	}
	p.count++
	switch e.Action {
	case "pass":
		s.passed++
	case "fail":
		s.failed++
	case "skip":
		s.skipped++
	}
}

func (s *summary) addToPackage(p *pkg, e event) {
	switch e.Action {
	case "output":
		p.output.WriteString(e.Output)
	case "fail":
		s.endPackage(p, e)
		fmt.Fprintf(s.out, "FAIL %s (%.1fs)\n", p.name, e.Elapsed)
		if p.failed == 0 { // did not build, panicked, timed out, or TestMain failed
			s.failed++
		}
		// This output includes the seed of a shuffled run.
		fmt.Fprint(s.out, indent(s.builds[e.FailedBuild]+p.unfinished()+p.output.String()))
	case "pass":
		s.endPackage(p, e)
		fmt.Fprintf(s.out, "ok   %s (%.1fs, %d tests)\n", p.name, e.Elapsed, p.count)
	case "skip": // no tests
		s.endPackage(p, e)
	}
}

func (s *summary) endPackage(p *pkg, e event) {
	p.elapsed = e.Elapsed
	s.ended = append(s.ended, p)
}

// unfinished returns the output of the tests that never ended.
func (p *pkg) unfinished() string {
	var b strings.Builder
	for _, t := range p.tests {
		b.WriteString(t.output.String())
	}
	return b.String()
}

// end prints the end of the summary.
func (s *summary) end() {
	for name, p := range s.packages {
		if !slices.Contains(s.ended, p) { // go test itself ended early
			fmt.Fprintf(s.out, "FAIL %s never ended\n", name)
			s.failed++
		}
	}
	if len(s.packages) == 0 {
		fmt.Fprintln(s.out, "FAIL nothing was tested")
		s.failed++
	}
	slices.SortFunc(s.ended, func(a, b *pkg) int { return cmp.Compare(b.elapsed, a.elapsed) })
	const slowest = 5
	fmt.Fprintln(s.out, "\nslowest packages:")
	for _, p := range s.ended[:min(slowest, len(s.ended))] {
		fmt.Fprintf(s.out, "  %6.1fs %s\n", p.elapsed, p.name)
	}
	if len(s.skips) > 0 {
		fmt.Fprintf(s.out, "\n!! SKIPPED, what they promise was not tested here:\n")
		slices.Sort(s.skips)
		for _, skip := range s.skips {
			fmt.Fprintln(s.out, "!!  ", skip)
		}
	}
	fmt.Fprintf(s.out, "\n%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
}

// reason returns why a test skipped, from its output.
func reason(output string) string {
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			return line
		}
	}
	return "no reason given"
}

func indent(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString("    " + strings.TrimSuffix(line, "\n") + "\n")
	}
	return b.String()
}
