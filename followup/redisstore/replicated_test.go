package redisstore

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// untilPing calls Ping until want accepts its answer.
func untilPing(t *testing.T, s *Store, state string, want func(error) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), maxWait)
	defer cancel()
	for err := s.Ping(ctx); !want(err); err = s.Ping(ctx) {
		if ctx.Err() != nil {
			t.Fatalf("%s: Ping: got %v to the end", state, err)
		}
	}
}

func isNil(err error) bool        { return err == nil }
func isNotDurable(err error) bool { return errors.Is(err, followup.ErrNotDurable) }

// untilReplicas waits until the master counts that many connected replicas.
func untilReplicas(t *testing.T, master *redistest.Server, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), maxWait)
	defer cancel()
	db := master.Client()
	for db.InfoMap(ctx, "replication").Item("Replication", "connected_slaves") != want {
		if ctx.Err() != nil {
			t.Fatalf("master: got another number of replicas, want %s", want)
		}
	}
}

// TestNotReadyWithoutReplicas: while replicas are missing, nothing is acknowledged or sent. Ping
// and Check must say so, whether the replicas are gone or hang, and must say when it is over.
func TestNotReadyWithoutReplicas(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t, redistest.TCP(), redistest.AOF("everysec"))
	replica := redistest.Start(t, redistest.TCP(), redistest.ReplicaOf(master))
	s := openStore(t, Params{Client: master.Client(), Durability: oneReplica, WaitTimeout: time.Minute})
	s.waitTimeout = 50 * time.Millisecond
	problem := func(state, want string) {
		t.Helper()
		r, err := s.Check(t.Context())
		if got := strings.Join(r.Problems, "\n"); err != nil || r.Durable || !strings.Contains(got, want) || strings.Contains(got, "\n") {
			t.Errorf("%s: got %+v, %v, want one problem that says %q", state, r, err, want)
		}
	}
	fit := func(state string) {
		t.Helper()
		untilPing(t, s, state, isNil)
		ctx, cancel := context.WithTimeout(t.Context(), maxWait)
		defer cancel()
		for r, err := s.Check(ctx); err != nil || !r.Durable; r, err = s.Check(ctx) {
			if ctx.Err() != nil {
				t.Fatalf("%s: Check: got %+v, %v, want it durable in the end", state, r, err)
			}
		}
	}
	fit("with its replica")
	replica.Freeze()
	if err := master.Client().Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	untilPing(t, s, "the replica hangs", isNotDurable)
	problem("the replica hangs", "1 replicas that do not keep up")
	replica.Thaw()
	fit("the replica is back")
	replica.Kill()
	untilPing(t, s, "the replica is gone", isNotDurable)
	untilReplicas(t, master, "0")
	problem("the replica is gone", "has 0 replicas")
	replica.Restart()
	fit("the replica has restarted")
	another := redistest.Start(t, redistest.TCP(), redistest.ReplicaOf(master))
	untilReplicas(t, master, "2")
	problem("one replica more than is waited for", "set redis.durability to replicas:2")
	another.Kill()
	fit("as many replicas as are waited for")
	if err := master.Client().Do(t.Context(), "acl", "setuser", "default", "-wait").Err(); err != nil {
		t.Fatal(err)
	}
	untilPing(t, s, "WAIT is forbidden", func(err error) bool { return redis.HasErrorPrefix(err, "NOPERM") })
	problem("WAIT is forbidden", "does not wait")
}

// TestReadyWhileOneMasterHasReplicas: a master without its replica refuses its own leads only, so
// the store must stay ready while another master has its replica.
func TestReadyWhileOneMasterHasReplicas(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 2, 1)
	s := openStore(t, Params{Client: c.Client(), Durability: oneReplica, WaitTimeout: time.Minute})
	s.waitTimeout = 50 * time.Millisecond
	untilPing(t, s, "with all replicas", isNil)
	c.Nodes[2].Kill()
	untilReplicas(t, c.Nodes[0], "0")
	untilPing(t, s, "one master lacks its replica", isNil)
	c.Nodes[3].Kill()
	untilReplicas(t, c.Nodes[1], "0")
	untilPing(t, s, "all masters lack their replicas", isNotDurable)
	c.Nodes[2].Restart()
	untilPing(t, s, "one replica is back", isNil)
}

// TestNotReadyAtOneNodeOfCluster: a node of a cluster that is taken for a single server refuses
// what belongs to other nodes, so the store must not be ready.
func TestNotReadyAtOneNodeOfCluster(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 2, 0)
	owner := c.Owner(c.Slot(metaKey))
	slot := c.Slot(tagOf(0).control())
	if c.Owner(slot) == owner {
		c.Migrate(slot, c.Other(slot)).Finish()
	}
	s := openStore(t, Params{Client: owner.Client()})
	if err := s.Ping(t.Context()); !isMoved(err) {
		t.Errorf("Ping: got %v, want MOVED", err)
	}
}
