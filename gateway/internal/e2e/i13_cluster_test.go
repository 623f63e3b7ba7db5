package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"wagate/followup/redisstore/redistest"
	"wagate/providers/providertest"
)

// TestI13SeedLadderOnACluster plays the seed's story on a Cluster of three nodes, and flushes all
// script caches in the middle of the ladder.
func TestI13SeedLadderOnACluster(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 0, redistest.AOF("always"))
	w := newWorld(t, setup{speed: hoursASecond, redisURL: "redis://" + strings.Join(c.Addrs(), ",")})
	seedStory(t, w, w.start(), onMeta, func() {
		db := c.Client()
		err := db.ForEachMaster(t.Context(), func(ctx context.Context, node *redis.Client) error {
			return node.ScriptFlush(ctx).Err()
		})
		if err != nil {
			t.Fatalf("flush scripts: %v", err)
		}
	})
}

// TestI13SlotMovesMeanwhile: leads write and are followed up while the slot with all keys moves
// from one node to another, key by key. Nothing may be lost, doubled or out of order.
func TestI13SlotMovesMeanwhile(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 0, redistest.AOF("always"))
	w := newWorld(t, setup{speed: minutesASecond, partitions: 1, redisURL: "redis://" + strings.Join(c.Addrs(), ",")})
	p := w.start()
	p.configure(nudge("PT30M"), nudge("PT30M"))
	var leads []lead
	phone := func(i int) string { return fmt.Sprintf("346013001%02d", i) }
	const followed = 5
	for i := range followed {
		leads = append(leads, p.follow(phone(i)))
	}

	slot := c.Slot("{p0}")
	move := c.Migrate(slot, c.Other(slot))
	keys := move.Keys()
	if len(keys) < followed {
		t.Fatalf("keys in the slot: got %d, want those of %d leads", len(keys), followed)
	}
	// New leads write while some keys are at either node.
	const writing = 5
	for i := range writing {
		from := user(phone(50 + i))
		w.graph.PostLater(w.body(providertest.GraphText(from, "first")))
	}
	for part := range slices.Chunk(keys, 4) {
		move.Move(part...)
	}
	move.Finish()
	if err := w.graph.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range writing {
		w.says(user(phone(50+i)), "second")
	}
	for i, l := range leads {
		p.untilRun(l.ID, "ended completed 1:sent/ai 2:sent/ai")
		if n := w.handed(phone(i)); n != 2 {
			t.Errorf("messages to lead %d: got %d, want 2", i, n)
		}
	}
	for i := range writing {
		until(t, func() error {
			if got := fmt.Sprint(w.sales.texts(phone(50 + i))); got != "[first second]" {
				return mismatch("messages", got, "[first second]")
			}
			return nil
		})
	}
}
