package app

import (
	"context"
	"sync"
	"time"

	"wagate/followup"
	"wagate/followup/rescue"
)

// syncEvery is how often the copies of the control state are looked after.
const syncEvery = time.Minute

// recountEvery is how often dead letters are recounted, for those that a program has
// buried or removed beside us, or before us, that counts none.
const recountEvery = 5 * time.Minute

// keep looks after Redis: its clock, its fitness for the promise, the copies
// of the control state, which a crash may have left behind their master, and what dead letters count.
func (a *App) keep(ctx context.Context) {
	defer close(a.kept)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { a.store.Watch(ctx) })
	wg.Go(func() { a.every(ctx, recountEvery, a.recountDead) })
	a.every(ctx, syncEvery, a.syncControl)
}

// every does something at once and then once per interval, until ctx is done, whether it panics or not.
func (a *App) every(ctx context.Context, interval time.Duration, do func(context.Context)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		rescue.Call(a.log, "upkeep panicked", func() { do(ctx) }, "component", "app")
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (a *App) syncControl(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, syncEvery)
	defer cancel()
	ids := make([]followup.TenantID, 0, len(a.cfg.Tenants))
	for _, t := range a.cfg.Tenants {
		ids = append(ids, followup.TenantID(t.ID))
	}
	if err := a.store.SyncControl(within, ids); err != nil && ctx.Err() == nil {
		a.log.Warn("control state not synchronised", "component", "app", "err", err)
	}
}

func (a *App) recountDead(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, recountEvery)
	defer cancel()
	if err := a.store.RecountDead(within); err != nil && ctx.Err() == nil {
		a.log.Warn("dead letters not recounted", "component", "app", "err", err)
	}
}
