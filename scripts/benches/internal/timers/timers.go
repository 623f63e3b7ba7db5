package timers

import (
	"context"
	"time"

	"wagate/scripts/benches/internal/bench"
)

// The parts of the benchmark.
const (
	partSchedule = "schedule"
	partDrain    = "drain"
	partCancel   = "cancel"
	partLateness = "lateness"
	partBytes    = "bytes"
	partIdle     = "idle"
	partBehind   = "behind"
)

// Parts returns the names of the benchmark's parts.
func Parts() []string {
	return []string{partSchedule, partDrain, partCancel, partLateness, partBytes, partIdle, partBehind}
}

// sizes are how much the benchmark does.
type sizes struct {
	rounds int // rounds of what is compared
	long   int // rounds of what takes long
	timers int // timers in a run of what is compared
	steady time.Duration
	few    int // pending steps whose bytes are counted
	many   int // the same, and how many wait behind the others
	idle   time.Duration
}

func sizesOf(short bool) sizes {
	if short {
		return sizes{rounds: 3, long: 1, timers: 1500, steady: 2 * time.Second, few: 2000, many: 8000, idle: 3 * time.Second}
	}
	return sizes{rounds: 5, long: 3, timers: 10_000, steady: 10 * time.Second, few: 200_000, many: 1_000_000, idle: 30 * time.Second}
}

// suite is one run of the benchmark.
type suite struct {
	*bench.Bench

	sizes sizes
}

// Run runs the benchmark.
func Run(ctx context.Context, b *bench.Bench) error {
	s := &suite{Bench: b, sizes: sizesOf(b.Short)}
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{
		{partSchedule, s.schedule},
		{partDrain, s.drain},
		{partCancel, s.cancel},
		{partLateness, s.lateness},
	} {
		if !s.Runs(part.name) {
			continue
		}
		if err := part.run(ctx); err != nil {
			return err
		}
	}
	if s.Runs(partBytes) || s.Runs(partIdle) || s.Runs(partBehind) {
		return s.deep(ctx)
	}
	return nil
}
