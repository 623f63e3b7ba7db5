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

	"wagate/gateway/internal/app"
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
	return cli.Program{
		Serve: app.Serve,
		Check: app.Check,
		Demo:  func(context.Context, bool, io.Writer, *slog.Logger) error { return errors.New("not in this build") },
	}
}
