// Package command holds what the programs behind scripts/bench and scripts/drill share: how they
// read their arguments and how they end.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Parse reads flags before and after a single name among the arguments. It returns "" if there is
// no name. It writes nothing.
func Parse(fs *flag.FlagSet, args []string) (name string, err error) {
	fs.SetOutput(io.Discard)
	if err := fs.Parse(args); err != nil {
		return "", err
	}
	name = fs.Arg(0)
	if fs.NArg() > 0 {
		if err := fs.Parse(fs.Args()[1:]); err != nil {
			return "", err
		}
	}
	if fs.NArg() > 0 {
		return "", fmt.Errorf("unexpected %q", fs.Args())
	}
	return name, nil
}

// Within calls do with a context that ends on SIGINT or SIGTERM, or after limit. If that ended it,
// the error says so.
func Within(limit time.Duration, do func(context.Context) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("took longer than %s", limit))
	defer cancel()
	err := do(ctx)
	if err != nil && ctx.Err() != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	return err
}

// Code prints err, if any, and returns the program's exit code: 0 if err is nil and all figures
// meet their aims, else 1.
func Code(program string, hold bool, err error) int {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", program, err)
	}
	if err != nil || !hold {
		return 1
	}
	return 0
}
