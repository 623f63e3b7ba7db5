// Command wagate is a WhatsApp channel gateway with a follow-up engine.
package main

import (
	"context"
	"io"
	"log" //nolint:depguard // to silence it
	"os"
	"os/signal"
	"syscall"

	"wagate/gateway/internal/app"
	"wagate/gateway/internal/cli"
	"wagate/gateway/internal/demo"
)

func main() { os.Exit(run()) }

// run gives the command line its context. What libraries write to the standard log is nobody's
// to read: net/http quotes there whatever a peer says unasked, so its words and its secrets.
func run() int {
	log.SetOutput(io.Discard)
	ctx, release := untilStopped(context.Background())
	defer release()
	return cli.Run(ctx, program(), cli.System(), os.Args[1:])
}

// untilStopped returns a context that ends with the first signal to stop. Who has a terminal may
// kill the process by a second Ctrl-C. The others come more than once without meaning it: from
// whoever started this one and from whoever signals the whole group, or as a terminal goes away.
// What stops processes in earnest has SIGKILL.
func untilStopped(parent context.Context) (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		select {
		case <-signals:
			signal.Reset(os.Interrupt)
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

func program() cli.Program {
	return cli.Program{
		Serve: app.Serve,
		Check: app.Check,
		Demo:  demo.Run,
	}
}
