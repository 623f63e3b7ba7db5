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

// Stop ends the service, in the order that the package comment gives. It goes through all steps
// even if some fail, and returns their errors joined.
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

// shut shuts the server down and closes its listener. A server that was started a moment ago may
// not know its listener yet, and then does not close it.
func shut(ctx context.Context, server *fiber.App, l net.Listener) error {
	err := server.ShutdownWithContext(ctx)
	if l != nil {
		_ = l.Close() // an error means that the server has closed it
	}
	return err
}
