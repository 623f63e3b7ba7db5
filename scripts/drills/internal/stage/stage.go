// Package stage holds what every drill is run with: its parameters, the processes that end with it,
// and its figures.
package stage

import (
	"io"

	"wagate/scripts/drills/internal/dice"
	"wagate/scripts/internal/figure"
	"wagate/scripts/internal/proc"
)

// Params say how to run a drill. Wagate and Out are required.
type Params struct {
	// Wagate is the path of the binary under test.
	Wagate string
	// Seed decides the traffic, the faults and their times. Zero: a random seed.
	Seed uint64
	// Short asks for a drill that ends within a minute.
	Short bool
	// Cluster runs the drill on a Redis Cluster instead of a single Redis.
	Cluster bool
	// Out is where the drill reports.
	Out io.Writer
}

// Stage is one run of a drill with everything that it has started and its figures.
type Stage struct {
	Params
	*proc.Group
	*figure.Sheet
}

// New returns a stage on which nothing has started, and prints its seed.
func New(p Params) (*Stage, error) {
	if p.Seed == 0 {
		p.Seed = dice.Seed()
	}
	g, err := proc.New("drill")
	if err != nil {
		return nil, err
	}
	s := &Stage{Params: p, Group: g, Sheet: figure.NewSheet(p.Out)}
	s.Printf("seed %d\n", p.Seed)
	return s, nil
}
