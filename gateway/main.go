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

// run runs the command line and returns the exit code. It discards what libraries write to the
// standard log: net/http quotes there what a peer sends unasked, which may contain secrets.
func run() int {
	log.SetOutput(io.Discard)
	ctx, release := untilStopped(context.Background())
	defer release()
	return cli.Run(ctx, program(), cli.System(), os.Args[1:])
}

// untilStopped returns a context that ends with the first signal to stop (SIGINT, SIGTERM, SIGHUP).
// release frees its resources. A second SIGINT, from Ctrl-C on a terminal, kills the process. A
// second SIGTERM or SIGHUP does not, because these often come twice unintentionally: once from the
// parent process and once to the whole process group, or because a terminal goes away. To kill the
// process in earnest there is SIGKILL.
func untilStopped(parent context.Context) (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
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

// program returns the functions that the commands call.
func program() cli.Program {
	return cli.Program{
		Serve: app.Serve,
		Check: app.Check,
		Demo:  demo.Run,
	}
}
