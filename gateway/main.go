// Command wagate is a WhatsApp channel gateway with a follow-up engine.
package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"wagate/config"
	"wagate/gateway/internal/cli"
)

func main() { os.Exit(run()) }

// run gives the command line its context: it ends with the first signal, and a
// second one kills.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return cli.Run(ctx, program(), cli.System(), os.Args[1:])
}

func program() cli.Program {
	missing := errors.New("not in this build")
	return cli.Program{
		Serve: func(context.Context, config.Config, *slog.Logger) error { return missing },
		Check: func(context.Context, config.Config) error { return missing },
		Demo:  func(context.Context, bool, io.Writer, *slog.Logger) error { return missing },
	}
}
