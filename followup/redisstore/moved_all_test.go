package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// TestI13ScriptWaitsForMigratingSlot: all keys of a lead have moved to the target node, but its
// slot has not, because other keys are still moving. The old owner redirects with ASK, and the
// target answers TRYAGAIN to a script that also names keys which do not exist. The call must wait
// as long as the slot migrates, and no longer. A target that serves no slot yet is known to no
// client until the slot has moved.
func TestI13ScriptWaitsForMigratingSlot(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		d     Durability
		first bool // whether it is the first slot that the target serves
		wait  time.Duration
	}{
		"plain": {}, "durable": {d: oneReplica, wait: time.Minute},
		"plain, first slot": {first: true}, "durable, first slot": {oneReplica, true, 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), maxWait)
			defer cancel()
			c := redistest.StartCluster(t, 2, tt.d.Replicas)
			s := openStore(t, Params{Client: c.Client(), Durability: tt.d, WaitTimeout: tt.wait})
			p := newParty()
			durably(t, func(ctx context.Context) error { return p.say(ctx, s, "1", epoch) })
			slot := c.Slot(s.tag(p.lead).lead(p.lead))
			from, to := c.Owner(slot), c.Other(slot)
			if tt.first {
				to = c.Join()
			}
			m := c.Migrate(slot, to)
			m.Move()
			done := make(chan error, 1)
			go func() { done <- p.say(ctx, s, "2", epoch.Add(time.Second)) }()
			const often = 5 * maxHops
			for tried := 0; tried < often; {
				select {
				case err := <-done:
					t.Fatalf("while the slot migrates: got %v after %d tries, want it to wait", err, tried)
				case <-time.After(time.Millisecond):
				}
				for line := range strings.Lines(from.Client().Info(ctx, "errorstats").Val()) {
					_, _ = fmt.Sscanf(line, "errorstat_ASK:count=%d", &tried)
				}
				if ctx.Err() != nil {
					t.Fatalf("got only %d tries in time", tried)
				}
			}
			// A claim does not wait for the slot, because it is made again soon.
			if out, next, err := s.ClaimDeliveries(ctx, followup.ClaimDeliveries{
				Real: epoch.Add(time.Hour), Limit: 5, MaxEvents: 5, Lease: time.Minute,
			}); err != nil || len(out) != 0 || next > heldBack {
				t.Errorf("ClaimDeliveries: got %d deliveries, next in %v, %v, want none, and next within %v", len(out), next, err, heldBack)
			}
			m.Finish()
			err := <-done
			if errors.Is(err, followup.ErrNotDurable) && tt.first {
				err = nil // the target ran it, and has no replica
			}
			if err != nil {
				t.Errorf("after the slot has moved: got %v, want none", err)
			}
		})
	}
}
