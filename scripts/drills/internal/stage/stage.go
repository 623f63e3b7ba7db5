// Package stage is what a drill is played on: what is asked of it, processes that end
// with it, and figures with aims.
package stage

import (
	"io"

	"wagate/scripts/drills/internal/dice"
	"wagate/scripts/internal/figure"
	"wagate/scripts/internal/proc"
)

// Params say how a drill is to be run. Wagate and Out are required.
type Params struct {
	// Wagate is the path of the binary that is drilled.
	Wagate string
	// Seed decides what is done and what breaks when; zero: any.
	Seed uint64
	// Short asks for less: all of it within a minute.
	Short bool
	// Cluster has all of it on a Redis Cluster.
	Cluster bool
	// Out is where it is told how it goes.
	Out io.Writer
}

// Stage is one run of a drill, all it has started and its figures.
type Stage struct {
	Params
	*proc.Group
	*figure.Sheet
}

// New returns a stage on which nothing has started yet, and tells its seed.
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
