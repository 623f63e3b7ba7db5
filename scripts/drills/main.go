// Command drills breaks wagate and keeps an account; scripts/drill builds both
// and runs it.
//
//	drills -wagate BINARY NAME [-short] [-seed N] [-cluster]
//
// It exits 1 if the account falls short of its aims, or if something went wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"wagate/scripts/drills/internal/inbound"
	"wagate/scripts/drills/internal/stage"
	"wagate/scripts/drills/internal/timers"
	"wagate/scripts/internal/args"
)

// drills are those that can be run, with the longest that each may take.
var drills = map[string]struct {
	within time.Duration
	run    func(context.Context, *stage.Stage) error
}{
	"inbound": {12 * time.Minute, inbound.Run},
	"timers":  {7 * time.Minute, timers.Run},
}

// shortLimit is the longest that any may take that is to be short.
const shortLimit = time.Minute

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ok, err := drill(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "drill:", err)
	}
	if err != nil || !ok {
		return 1
	}
	return 0
}

func drill(argv []string) (ok bool, err error) {
	fs := flag.NewFlagSet("drill", flag.ContinueOnError)
	p := stage.Params{Out: os.Stdout}
	fs.StringVar(&p.Wagate, "wagate", "", "the binary to drill")
	fs.Uint64Var(&p.Seed, "seed", 0, "of what is done and what breaks; 0: any")
	fs.BoolVar(&p.Short, "short", false, "all of it within a minute")
	fs.BoolVar(&p.Cluster, "cluster", false, "on a Redis Cluster")
	name, err := args.Parse(fs, argv)
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("took longer than %s", within))
	defer cancel()
	s, err := stage.New(p)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := of.run(ctx, s); err != nil {
		if ctx.Err() != nil {
			err = errors.Join(context.Cause(ctx), err)
		}
		return false, fmt.Errorf("%s: %w", name, err)
	}
	return s.End(), nil
}
