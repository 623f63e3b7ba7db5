package ingest

import (
	"context"
	"io"
	"time"

	"wagate/scripts/benches/internal/bench"
	"wagate/scripts/internal/proc"
)

// Roles returns the roles of this program in the processes that the benchmark starts, by name.
func Roles() map[string]func(io.Reader, io.Writer) error {
	return map[string]func(io.Reader, io.Writer) error{roleBare: bare, roleClient: client, roleAssistant: assist}
}

const (
	roleBare      = "ingest-bare"
	roleClient    = "ingest-client"
	roleAssistant = "ingest-assistant"
)

// The parts of the benchmark.
const (
	partStart  = "start"
	partTexts  = "texts"
	partMatrix = "matrix"
	partOpen   = "open"
	partEnd    = "end"
	partDedup  = "dedup"
)

// Parts returns the names of the benchmark's parts.
func Parts() []string {
	return []string{partStart, partTexts, partMatrix, partOpen, partEnd, partDedup}
}

// sizes are how much the benchmark does.
type sizes struct {
	rounds int           // rounds of what is compared
	others int           // rounds of what has no aim
	long   time.Duration // length of a run of what is compared
	short  time.Duration // length of a run of what has no aim
	open   time.Duration // length of a run of an open loop
	leads  int
	sent   int // messages that statuses are about
	// connections are the numbers of connections for what has no aim.
	connections []int
	few         int // leads with few events, for dedup
	starts      int
	touch       int // bytes of memory that are touched before anything is compared
}

func sizesOf(short bool) sizes {
	if short {
		return sizes{
			rounds: 3, others: 1, long: 400 * time.Millisecond, short: 200 * time.Millisecond, open: 700 * time.Millisecond,
			leads: 2000, sent: 1500, few: 1000, starts: 3, connections: []int{1, crowd}, touch: 256 << 20,
		}
	}
	return sizes{
		rounds: 5, others: 3, long: 2 * time.Second, short: time.Second, open: 3 * time.Second,
		leads: 20_000, sent: 20_000, few: 4000, starts: 5, connections: []int{1, 16, crowd, 256}, touch: 6 << 30,
	}
}

// crowd is the number of connections for what is compared.
const crowd = 64

// suite is one run of the benchmark.
type suite struct {
	*bench.Bench

	sizes  sizes
	client *proc.Child
	bare   *side
	idle   *side
	relay  *side
	// saturation is how many texts per second can go the whole way; zero: not measured.
	saturation float64
}

// Run runs the benchmark.
func Run(ctx context.Context, b *bench.Bench) error {
	s := &suite{Bench: b, sizes: sizesOf(b.Short)}
	var err error
	if s.client, err = b.StartChild(ctx, roleClient); err != nil {
		return err
	}
	if b.Runs(partStart) {
		if err := s.startUp(ctx); err != nil {
			return err
		}
	}
	if b.Runs(partDedup) {
		if err := s.dedup(ctx); err != nil {
			return err
		}
	}
	if b.Runs(partTexts) || b.Runs(partMatrix) || b.Runs(partOpen) || b.Runs(partEnd) {
		return s.loads(ctx)
	}
	return nil
}

// loads runs everything that compares the sides.
func (s *suite) loads(ctx context.Context) error {
	if err := bench.Touch(s.sizes.touch); err != nil {
		return err
	}
	if err := s.sides(ctx); err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{partTexts, s.compare}, {partMatrix, s.matrix}, {partOpen, s.openLoop}, {partEnd, s.endToEnd}} {
		if !s.Runs(part.name) {
			continue
		}
		if err := part.run(ctx); err != nil {
			return err
		}
	}
	return s.profile(ctx)
}
