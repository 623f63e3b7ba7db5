package redisstore

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"wagate/followup/redisstore/redistest"
)

// TestI13WhatHasMovedWaitsForItsSlot: all that a lead has is at the target, and its slot is not, as others'
// keys still move. The old owner sends there by ASK, and there TRYAGAIN is all that is heard of a script
// which also names keys that nobody has. That lasts for as long as the slot migrates, and no longer.
func TestI13WhatHasMovedWaitsForItsSlot(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]Durability{"plain": {}, "durable": oneReplica} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), inTheEnd)
			defer cancel()
			c := redistest.StartCluster(t, 2, d.Replicas)
			s := openStore(t, Params{Client: c.Client(), Durability: d, WaitTimeout: time.Minute})
			p := newParty()
			durably(t, func(ctx context.Context) error { return p.say(ctx, s, "1", epoch) })
			slot := c.Slot(s.tag(p.lead).lead(p.lead))
			to := c.Other(slot)
			m := c.Migrate(slot, to)
			m.Move()
			done := make(chan error, 1)
			go func() { done <- p.say(ctx, s, "2", epoch.Add(time.Second)) }()
			const often = 5 * maxHops
			for tried := 0; tried < often; {
				select {
				case err := <-done:
					t.Fatalf("before the slot has moved: got %v after %d tries, want it to wait", err, tried)
				case <-time.After(time.Millisecond):
				}
				for line := range strings.Lines(to.Client().Info(ctx, "errorstats").Val()) {
					_, _ = fmt.Sscanf(line, "errorstat_TRYAGAIN:count=%d", &tried)
				}
				if ctx.Err() != nil {
					t.Fatalf("tried %d times only", tried)
				}
			}
			m.Finish()
			if err := <-done; err != nil {
				t.Errorf("after the slot has moved: got %v, want none", err)
			}
		})
	}
}
