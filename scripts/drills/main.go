// Command drills breaks wagate and keeps an account; scripts/drill builds wagate and this program
// and runs them.
//
//	drills -wagate BINARY NAME [-short] [-seed N] [-cluster]
//
// It exits 1 if a figure falls short of its aim or if the drill fails.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"wagate/scripts/drills/internal/inbound"
	"wagate/scripts/drills/internal/stage"
	"wagate/scripts/drills/internal/timers"
	"wagate/scripts/internal/command"
)

// drills are the drills by name, with the longest that each may take.
var drills = map[string]struct {
	within time.Duration
	run    func(context.Context, *stage.Stage) error
}{
	"inbound": {12 * time.Minute, inbound.Run},
	"timers":  {7 * time.Minute, timers.Run},
}

// shortLimit is the longest that a short drill may take.
const shortLimit = time.Minute

func main() {
	hold, err := drill(os.Args[1:])
	os.Exit(command.Code("drill", hold, err))
}

func drill(argv []string) (hold bool, err error) {
	fs := flag.NewFlagSet("drill", flag.ContinueOnError)
	p := stage.Params{Out: os.Stdout}
	fs.StringVar(&p.Wagate, "wagate", "", "the binary to drill")
	fs.Uint64Var(&p.Seed, "seed", 0, "of what is done and what breaks; 0: any")
	fs.BoolVar(&p.Short, "short", false, "all of it within a minute")
	fs.BoolVar(&p.Cluster, "cluster", false, "on a Redis Cluster")
	name, err := command.Parse(fs, argv)
	if err != nil {
		return false, err
	}
	of, known := drills[name]
	switch {
	case !known:
		return false, fmt.Errorf("got drill %q, want one of %v", name, slices.Sorted(maps.Keys(drills)))
	case p.Wagate == "":
		return false, errors.New("-wagate is missing")
	}
	within := of.within
	if p.Short {
		within = shortLimit
	}
	err = command.Within(within, func(ctx context.Context) error {
		s, err := stage.New(p)
		if err != nil {
			return err
		}
		if err = of.run(ctx, s); err == nil {
			hold = s.End()
		}
		return errors.Join(err, s.Close())
	})
	if err != nil {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	return hold, nil
}
