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
	"os"
	"os/signal"
	"syscall"
	"time"

	"wagate/scripts/drills/internal/inbound"
	"wagate/scripts/drills/internal/timers"
	"wagate/scripts/internal/args"
)

// The longest that a drill may take.
const (
	inboundLimit = 12 * time.Minute
	timersLimit  = 7 * time.Minute
	shortLimit   = time.Minute
)

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

// options are what may be asked of a drill.
type options struct {
	wagate         string
	seed           uint64
	short, cluster bool
}

func drill(argv []string) (ok bool, err error) {
	fs := flag.NewFlagSet("drill", flag.ContinueOnError)
	var o options
	fs.StringVar(&o.wagate, "wagate", "", "the binary to drill")
	fs.Uint64Var(&o.seed, "seed", 0, "of what is done and what breaks; 0: any")
	fs.BoolVar(&o.short, "short", false, "all of it within a minute")
	fs.BoolVar(&o.cluster, "cluster", false, "on a Redis Cluster")
	name, err := args.Parse(fs, argv)
	if err != nil {
		return false, err
	}
	within, play, err := o.choose(name)
	if err != nil {
		return false, err
	}
	if o.short {
		within = shortLimit
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("took longer than %s", within))
	defer cancel()
	ok, err = play(ctx)
	if err != nil && ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	return ok, nil
}

// choose returns a drill, and the longest that it may take.
func (o options) choose(name string) (time.Duration, func(context.Context) (bool, error), error) {
	switch {
	case o.wagate == "":
		return 0, nil, errors.New("-wagate is missing")
	case name == "inbound":
		p := inbound.Params{Wagate: o.wagate, Seed: o.seed, Cluster: o.cluster, Out: os.Stdout}
		if o.short {
			p.Size = inbound.Short
		}
		return inboundLimit, func(ctx context.Context) (bool, error) { return inbound.Run(ctx, p) }, nil
	case name == "timers":
		p := timers.Params{Wagate: o.wagate, Seed: o.seed, Cluster: o.cluster, Out: os.Stdout}
		if o.short {
			p.Size = timers.Short
		}
		return timersLimit, func(ctx context.Context) (bool, error) { return timers.Run(ctx, p) }, nil
	}
	return 0, nil, fmt.Errorf("got drill %q, want inbound or timers", name)
}
