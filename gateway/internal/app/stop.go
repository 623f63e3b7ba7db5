package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
)

// The bounds of the steps of Stop; doc.go adds them up.
const (
	stopRequests = 20 * time.Second
	stopWork     = 20 * time.Second
	stopRest     = 5 * time.Second
)

// Stop ends the service; see doc.go for the order. It goes through all steps
// whatever goes wrong in one, and joins what did.
func (a *App) Stop(ctx context.Context) error {
	a.draining.Store(true)
	var errs []error
	step := func(name string, within time.Duration, f func(context.Context) error) {
		ctx, cancel := context.WithTimeout(ctx, within)
		defer cancel()
		began := time.Now()
		err := f(ctx)
		a.log.Info("stopping", "step", name, "took", time.Since(began).Round(time.Millisecond), "err", err)
		if err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", name, err))
		}
	}
	step("requests", stopRequests, func(ctx context.Context) error { return shut(ctx, a.public, a.listeners.public) })
	step("work", stopWork, func(ctx context.Context) error {
		var wg sync.WaitGroup
		var steps, deliveries error
		wg.Go(func() { steps = a.runner.Stop(ctx) })
		wg.Go(func() { deliveries = a.relay.Stop(ctx) })
		wg.Wait()
		return errors.Join(steps, deliveries)
	})
	step("admin", stopRest, func(ctx context.Context) error { return shut(ctx, a.admin, a.listeners.admin) })
	step("redis", stopRest, func(context.Context) error {
		if a.keeping != nil { // it has started
			a.keeping()
			<-a.kept
		}
		return a.redis.close()
	})
	return errors.Join(errs...)
}

// shut ends a server and its listener. One that was told to serve a moment ago may not
// have begun, and does not know yet of the listener that it is to close.
func shut(ctx context.Context, server *fiber.App, l net.Listener) error {
	err := server.ShutdownWithContext(ctx)
	if l != nil {
		_ = l.Close() // by the server, if it had begun
	}
	return err
}
