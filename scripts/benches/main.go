// Command benches measures wagate; scripts/bench builds wagate and this program and runs them.
//
//	benches -wagate BINARY NAME [-short] [-only PART,…] [-profile DIR]
//
// It exits 1 if a figure falls short of its aim or if the benchmark fails.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"wagate/followup/redisstore"
	"wagate/scripts/benches/internal/bench"
	"wagate/scripts/benches/internal/ingest"
	"wagate/scripts/benches/internal/timers"
	"wagate/scripts/internal/command"
	"wagate/scripts/internal/proc"
)

// benchmark is a benchmark and the names of its parts.
type benchmark struct {
	run   func(context.Context, *bench.Bench) error
	parts []string
}

var benchmarks = map[string]benchmark{
	"ingest": {ingest.Run, ingest.Parts()},
	"timers": {timers.Run, timers.Parts()},
}

// The longest that a benchmark may take.
const (
	limit      = 15 * time.Minute
	shortLimit = time.Minute
)

func main() {
	redisstore.LogTo(slog.New(slog.DiscardHandler))
	if len(os.Args) == 3 && os.Args[1] == proc.RoleFlag {
		os.Exit(command.Code("bench", true, play(os.Args[2])))
	}
	hold, err := measure(os.Args[1:])
	os.Exit(command.Code("bench", hold, err))
}

// play runs this program as a child of a benchmark. It ignores interrupts, which the whole process
// group receives: the benchmark ends its children itself.
func play(role string) error {
	signal.Ignore(os.Interrupt)
	do, ok := ingest.Roles()[role]
	if !ok {
		return fmt.Errorf("no role %q", role)
	}
	return do(os.Stdin, os.Stdout)
}

func measure(argv []string) (hold bool, err error) {
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	p := bench.Params{Out: os.Stdout}
	fs.StringVar(&p.Wagate, "wagate", "", "the binary to measure")
	fs.BoolVar(&p.Short, "short", false, "fewer and shorter runs")
	fs.StringVar(&p.Profiles, "profile", "", "an existing directory for profiles, taken in runs that do not count")
	only := fs.String("only", "", "the parts to run, with commas between")
	name, err := command.Parse(fs, argv)
	if err != nil {
		return false, err
	}
	of, known := benchmarks[name]
	switch {
	case !known:
		return false, fmt.Errorf("got benchmark %q, want one of %v", name, slices.Sorted(maps.Keys(benchmarks)))
	case p.Wagate == "":
		return false, errors.New("-wagate is missing")
	}
	if *only != "" {
		p.Only = strings.Split(*only, ",")
	}
	for _, part := range p.Only {
		if !slices.Contains(of.parts, part) {
			return false, fmt.Errorf("got part %q, want some of %v", part, of.parts)
		}
	}

	within := limit
	if p.Short {
		within = shortLimit
	}
	err = command.Within(within, func(ctx context.Context) error {
		b, err := bench.New(p)
		if err != nil {
			return err
		}
		if err = of.run(ctx, b); err == nil {
			hold = b.End()
		}
		return errors.Join(err, b.Close())
	})
	if err != nil {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	return hold, nil
}
