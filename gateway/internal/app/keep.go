package app

import (
	"context"
	"sync"
	"time"

	"wagate/followup"
	"wagate/followup/rescue"
)

// syncEvery is how often the copies of the control state are synchronised with their masters.
const syncEvery = time.Minute

// recountEvery is how often dead letters are recounted. A version of the program that keeps no
// count may have buried or removed some, before this process started or while it runs.
const recountEvery = 5 * time.Minute

// keep is the upkeep of Redis. It watches the clock of Redis and whether Redis can keep the
// configured durability, brings up to date the copies of the control state, which a crash may have
// left behind their masters, and recounts the dead letters. It returns when ctx is done.
func (a *App) keep(ctx context.Context) {
	defer close(a.kept)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { a.store.Watch(ctx) })
	wg.Go(func() { a.every(ctx, recountEvery, a.recountDead) })
	a.every(ctx, syncEvery, a.syncControl)
}

// every calls do at once and then once per interval, until ctx is done. It goes on if do panics.
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
