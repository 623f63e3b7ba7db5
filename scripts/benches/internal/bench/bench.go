package bench

import (
	"context"
	"io"
	"slices"

	"wagate/scripts/internal/figure"
	"wagate/scripts/internal/proc"
)

// Params say how to run a benchmark. Wagate and Out are required.
type Params struct {
	// Wagate is the path of the binary under test.
	Wagate string
	// Short asks for fewer and shorter runs, which end within a minute.
	Short bool
	// Only names the parts to run; empty: all.
	Only []string
	// Profiles is a directory for profiles of wagate at work; empty: none.
	Profiles string
	// Out is where runs and figures are printed.
	Out io.Writer
}

// Bench is one run of a benchmark with everything that it has started and its figures.
type Bench struct {
	Params
	*proc.Group
	*figure.Sheet
}

// New returns a benchmark that has started nothing.
func New(p Params) (*Bench, error) {
	g, err := proc.New("bench")
	if err != nil {
		return nil, err
	}
	return &Bench{Params: p, Group: g, Sheet: figure.NewSheet(p.Out)}, nil
}

// StartRedis starts an empty redis-server, configured as for production.
func (b *Bench) StartRedis(ctx context.Context) (*proc.Redis, error) {
	return b.Group.StartRedis(ctx, proc.RedisParams{Fsync: "everysec"})
}

// Runs reports whether a part is to be run.
func (b *Bench) Runs(part string) bool { return len(b.Only) == 0 || slices.Contains(b.Only, part) }
