// Command wagate is a WhatsApp channel gateway with a follow-up engine.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"wagate/gateway/internal/app"
	"wagate/gateway/internal/cli"
	"wagate/gateway/internal/demo"
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
		Demo:  demo.Run,
	}
}
