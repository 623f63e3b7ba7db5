package redistest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wagate/followup/redisstore/redistest"
)

func TestServerKeepsWhatAOFPromises(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.AOF("always"))
	c := s.Client()
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	if err := c.Ping(t.Context()).Err(); err == nil {
		t.Fatal("got an answer from a killed server")
	}
	s.Restart()
	got, err := s.Client().Get(t.Context(), "k").Result()
	if err != nil || got != "v" {
		t.Fatalf("after a crash: got %q, %v, want v", got, err)
	}
}

func TestReplicaFollows(t *testing.T) {
	t.Parallel()
	m := redistest.Start(t, redistest.TCP())
	r := redistest.Start(t, redistest.TCP(), redistest.ReplicaOf(m))
	c := m.Client()
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Wait(t.Context(), 1, time.Minute).Result(); err != nil || n != 1 {
		t.Fatalf("WAIT: got %d, %v, want 1", n, err)
	}
	if got := r.Client().Get(t.Context(), "k").Val(); got != "v" {
		t.Fatalf("at the replica: got %q, want v", got)
	}
}

func TestClusterServesWhileASlotMoves(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 0)
	db := c.Client()
	ctx := t.Context()
	if err := db.MSet(ctx, "{x}a", "1", "{x}b", "2").Err(); err != nil {
		t.Fatal(err)
	}
	slot := c.Slot("{x}")
	before := c.Owner(slot)
	m := c.Migrate(slot, c.Other(slot))
	m.Move("{x}a")
	if got := m.Keys(); len(got) != 1 || got[0] != "{x}b" {
		t.Fatalf("half way: got %q at the source, want {x}b", got)
	}
	for k, want := range map[string]string{"{x}a": "1", "{x}b": "2"} {
		if got, err := db.Get(ctx, k).Result(); err != nil || got != want {
			t.Fatalf("half way: %s: got %q, %v, want %q", k, got, err, want)
		}
	}
	if err := db.MGet(ctx, "{x}a", "{x}b").Err(); err == nil || !strings.HasPrefix(err.Error(), "TRYAGAIN") {
		t.Fatalf("half way: MGET of both: got %v, want TRYAGAIN", err)
	}
	m.Finish()
	if c.Owner(slot) == before {
		t.Fatal("the slot is where it was")
	}
	if err := db.MGet(ctx, "{x}a", "{x}b").Err(); err != nil {
		t.Fatalf("after the move: %v", err)
	}
}

// TestNoKeyStaysBehind moves a slot of more keys than are listed at once.
func TestNoKeyStaysBehind(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 0)
	db := c.Client()
	const keys = 2500
	var pairs []any
	for i := range keys {
		pairs = append(pairs, fmt.Sprintf("{x}%d", i), i)
	}
	if err := db.MSet(t.Context(), pairs...).Err(); err != nil {
		t.Fatal(err)
	}
	slot := c.Slot("{x}")
	c.Migrate(slot, c.Other(slot)).Finish()
	for i := range keys {
		if err := db.Get(t.Context(), fmt.Sprintf("{x}%d", i)).Err(); err != nil {
			t.Fatalf("key %d of %d: %v", i, keys, err)
		}
	}
}

func TestClusterFailsOver(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	c := redistest.StartCluster(t, 3, 1)
	master := c.Failover(0)
	// It comes back as a replica, to which no slot moves, once it has heard that it is one.
	master.Restart()
	c.Served(0, master)
	c.Settled()
	c.Synced()
	to := c.Other(0)
	c.Migrate(0, to).Finish()
	if got := c.Owner(0); got != to || to == master {
		t.Errorf("the slot is with port %d, want %d", got.Port, to.Port)
	}
}
