// Command drills breaks wagate and keeps an account; scripts/drill builds both
// and runs it.
//
//	drills -wagate BINARY NAME [-short] [-seed N]
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
	"wagate/scripts/internal/args"
)

// The longest that a drill may take.
const (
	limit      = 12 * time.Minute
	shortLimit = time.Minute
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

func drill(argv []string) (ok bool, err error) {
	fs := flag.NewFlagSet("drill", flag.ContinueOnError)
	p := inbound.Params{Out: os.Stdout}
	fs.StringVar(&p.Wagate, "wagate", "", "the binary to drill")
	fs.Uint64Var(&p.Seed, "seed", 0, "of what is sent and what breaks; 0: any")
	short := fs.Bool("short", false, "all of it within a minute")
	name, err := args.Parse(fs, argv)
	switch {
	case err != nil:
		return false, err
	case name != "inbound":
		return false, fmt.Errorf("got drill %q, want inbound", name)
	case p.Wagate == "":
		return false, errors.New("-wagate is missing")
	}
	within := limit
	if *short {
		p.Size, within = inbound.Short, shortLimit
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("took longer than %s", within))
	defer cancel()
	ok, err = inbound.Run(ctx, p)
	if err != nil && ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	return ok, nil
}
