package app

import (
	"context"
	"sync"
	"time"

	"wagate/followup"
)

// syncEvery is how often the copies of the control state are looked after.
const syncEvery = time.Minute

// keep looks after Redis: its clock, its fitness for the promise, and the copies
// of the control state, which a crash may have left behind their master.
func (a *App) keep(ctx context.Context) {
	defer close(a.kept)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { a.store.Watch(ctx) })
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		a.syncControl(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (a *App) syncControl(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, syncEvery)
	defer cancel()
	ids := make([]followup.TenantID, 0, len(a.cfg.Tenants))
	for _, t := range a.cfg.Tenants {
		ids = append(ids, followup.TenantID(t.ID))
	}
	if err := a.store.SyncControl(ctx, ids); err != nil && ctx.Err() == nil {
		a.log.Warn("control state not synchronised", "component", "app", "err", err)
	}
}
