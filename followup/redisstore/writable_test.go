package redisstore

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"

	"wagate/followup/redisstore/redistest"
)

// TestCheckReportsThatRedisTakesNoWrites: a Redis that answers but takes no writes is as bad as
// none. Ping and Check must say why, and must say when it is over.
func TestCheckReportsThatRedisTakesNoWrites(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, says string
		harm, mend []string
	}{
		{"memory is full", "OOM", []string{"config", "set", "maxmemory", "1"}, []string{"config", "set", "maxmemory", "0"}},
		{"it has become a replica", "READONLY", []string{"replicaof", "127.0.0.1", "1"}, []string{"replicaof", "no", "one"}},
		{"it lacks its replicas", "NOREPLICAS", []string{"config", "set", "min-replicas-to-write", "1"}, []string{"config", "set", "min-replicas-to-write", "0"}},
		{
			"a user without rights", "NOPERM",
			[]string{"acl", "setuser", "default", "-evalsha"},
			[]string{"acl", "setuser", "default", "+evalsha"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			reg := prometheus.NewRegistry()
			server := redistest.Start(t, redistest.AOF("everysec"))
			s := openStore(t, Params{
				Client: server.Client(), Registerer: reg, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			})
			do := func(command []string) {
				t.Helper()
				args := make([]any, len(command))
				for i, a := range command {
					args[i] = a
				}
				if err := server.Client().Do(t.Context(), args...).Err(); err != nil {
					t.Fatal(err)
				}
			}
			look := func(state string, durable bool) (problems string) {
				t.Helper()
				r, err := s.Check(t.Context())
				if err != nil || r.Durable != durable {
					t.Fatalf("%s: got %+v, %v, want durable %v", state, r, err, durable)
				}
				want := "# HELP wagate_redis_up 1 if Redis answered when this was scraped, else 0.\n" +
					"# TYPE wagate_redis_up gauge\nwagate_redis_up 1\n"
				if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "wagate_redis_up"); err != nil {
					t.Errorf("%s: wagate_redis_up: %v", state, err)
				}
				return strings.Join(r.Problems, "\n")
			}
			do(tt.harm)
			if err := s.Ping(t.Context()); err == nil || !strings.HasPrefix(err.Error(), tt.says) {
				t.Errorf("Ping: got %v, want %s", err, tt.says)
			}
			for range 2 {
				if got := look("broken", false); !strings.Contains(got, tt.says) {
					t.Errorf("problems: got %q, want one that says %s", got, tt.says)
				}
			}
			if got := strings.Count(log.String(), tt.says); got != 1 {
				t.Errorf("log: got %d lines about it, want 1: %s", got, &log)
			}
			do(tt.mend)
			if err := s.Ping(t.Context()); err != nil {
				t.Errorf("Ping when mended: got %v, want none", err)
			}
			if got := look("mended", true); got != "" {
				t.Errorf("problems when mended: got %q, want none", got)
			}
		})
	}
}

// TestPingAsksEachNodeOfCluster: Ping must fail if any one node is full, and while a slot has no
// owner, because every node then refuses every lead.
func TestPingAsksEachNodeOfCluster(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), maxWait)
	defer cancel()
	c := redistest.StartCluster(t, 3, 0)
	s := openStore(t, Params{Client: c.Client()})
	slot := c.Slot(s.tag("lead").lead("lead"))
	owner := c.Owner(slot)
	for err := s.Ping(ctx); err != nil; err = s.Ping(ctx) { // a busy machine may take long to answer
		if !timedOut(ctx, err) {
			t.Fatalf("whole: got %v, want none", err)
		}
	}
	for i, n := range c.Nodes {
		if err := n.Client().ConfigSet(ctx, "maxmemory", "1").Err(); err != nil {
			t.Fatal(err)
		}
		err := s.Ping(ctx)
		for timedOut(ctx, err) {
			err = s.Ping(ctx)
		}
		if err == nil || !strings.Contains(err.Error(), "OOM") {
			t.Errorf("node %d without memory: got %v, want OOM", i, err)
		}
		if err := n.Client().ConfigSet(ctx, "maxmemory", "0").Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range c.Nodes {
		if err := n.Client().ClusterDelSlots(ctx, slot).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for err := s.Ping(ctx); !redis.IsClusterDownError(err); err = s.Ping(ctx) {
		if ctx.Err() != nil {
			t.Fatalf("without a slot: got %v, want CLUSTERDOWN", err)
		}
	}
	if r, _ := s.Check(ctx); r.Durable || !strings.Contains(strings.Join(r.Problems, "\n"), "CLUSTERDOWN") {
		t.Errorf("without a slot: got %+v, want a problem that says CLUSTERDOWN", r)
	}
	if err := owner.Client().ClusterAddSlots(ctx, slot).Err(); err != nil {
		t.Fatal(err)
	}
	for err := s.Ping(ctx); err != nil; err = s.Ping(ctx) {
		if ctx.Err() != nil {
			t.Fatalf("whole again: got %v, want none", err)
		}
	}
}

// TestPingWhileSlotMoves: a node that answers that a slot is elsewhere has answered, so Ping must
// succeed while a slot moves.
func TestPingWhileSlotMoves(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), maxWait)
	defer cancel()
	c := redistest.StartCluster(t, 2, 0)
	s := openStore(t, Params{Client: c.Client(), Partitions: 1})
	ping := func(state string) {
		t.Helper()
		err := s.Ping(ctx)
		for timedOut(ctx, err) {
			err = s.Ping(ctx)
		}
		if err != nil {
			t.Errorf("%s: got %v, want none", state, err)
		}
	}
	slot := c.Slot(tagOf(0).control())
	m := c.Migrate(slot, c.Other(slot))
	ping("half way")
	node, err := s.master(ctx, tagOf(0).control())
	if err != nil {
		t.Fatal(err)
	}
	node.AddHook(meanwhile(writableScript, func() {
		m.Move(m.Keys()...)
		m.Finish()
	}))
	ping("the slot arrives during Ping")
}

// TestPingOfRedisThatCannotTell: a Redis that cannot tell whether it takes writes must not be taken
// for one that takes none.
func TestPingOfRedisThatCannotTell(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		if err := s.Ping(t.Context()); err != nil {
			t.Errorf("Ping: got %v, want none", err)
		}
	})
}

// TestStatsWhileRedisTakesNoWrites: Stats must work while Redis takes no writes. What Stats would
// forget must be forgotten when Redis takes writes again.
func TestStatsWhileRedisTakesNoWrites(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := openStore(t, Params{Client: server.Client()})
	p := newParty()
	opens := p.message("hello", epoch)
	opens.Items[0].Opens = true
	if _, err := s.Settle(t.Context(), opens); err != nil {
		t.Fatal(err)
	}
	do := func(args ...any) {
		t.Helper()
		if err := server.Client().Do(t.Context(), args...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	waiting := func(kept int64) {
		t.Helper()
		got, err := s.Stats(t.Context(), epoch.Add(26*time.Hour), epoch.Add(time.Minute))
		if err != nil || got.RelayPending != 1 || got.RelayLag != time.Minute || got.WindowsOpen != 0 {
			t.Errorf("Stats: got %+v, %v, want one event that waits for a minute and no open window", got, err)
		}
		if n := server.Client().ZCard(t.Context(), s.tag(p.lead).windows()).Val(); n != kept {
			t.Errorf("index of windows: got %d entries, want %d", n, kept)
		}
	}
	do("replicaof", "127.0.0.1", "1")
	waiting(1)
	do("replicaof", "no", "one")
	do("config", "set", "min-replicas-to-write", "1")
	waiting(1)
	do("config", "set", "min-replicas-to-write", "0")
	waiting(0)
}
