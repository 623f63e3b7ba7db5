package bench

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Params say how a benchmark is to be run. Wagate and Out are required.
type Params struct {
	// Wagate is the path of the binary that is measured.
	Wagate string
	// Short asks for fewer and shorter runs: all of it within a minute.
	Short bool
	// Only names the parts to run; empty: all.
	Only []string
	// Profiles is a directory for profiles of wagate at work; empty: none.
	Profiles string
	// Out is where runs and figures are told.
	Out io.Writer
}

// Bench is one run of a benchmark and all it has started.
type Bench struct {
	Params

	dir     string
	stops   []func()
	figures []figure
}

// New returns a benchmark that has started nothing yet.
func New(p Params) (*Bench, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, fmt.Errorf("temporary directory: %w", err)
	}
	return &Bench{Params: p, dir: dir}, nil
}

// Close stops what was started, last in first out, and removes its files.
func (b *Bench) Close() error {
	for _, stop := range slices.Backward(b.stops) {
		stop()
	}
	b.stops = nil
	return os.RemoveAll(b.dir)
}

// Path returns the path of a temporary file of this benchmark.
func (b *Bench) Path(name string) string { return filepath.Join(b.dir, name) }

// Printf tells how it goes.
func (b *Bench) Printf(format string, args ...any) { fmt.Fprintf(b.Out, format, args...) }

// Runs reports whether a part is to be run.
func (b *Bench) Runs(part string) bool { return len(b.Only) == 0 || slices.Contains(b.Only, part) }
