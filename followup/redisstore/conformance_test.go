package redisstore

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
	"wagate/followup/storetest"
)

// TestI13EmbeddedConforms, TestI13RedisConforms and TestI13ClusterConforms run the same suite and
// the model test's random walks on the embedded Redis, a single Redis and a Redis Cluster.
func TestI13EmbeddedConforms(t *testing.T) {
	client, stop, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	runSuites(t, client, true)
}

func TestI13RedisConforms(t *testing.T) {
	runSuites(t, redistest.Start(t, redistest.AOF("everysec")).Client(), false)
}

func TestI13ClusterConforms(t *testing.T) {
	runSuites(t, redistest.StartCluster(t, 3, 0).Client(), false)
}

// TestI13WideLeadsConform runs the suite with leads that have more fields than a script reads at
// once.
func TestI13WideLeadsConform(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client()
	client.AddHook(&widening{server.Client()})
	storetest.Run(t, func(t *testing.T) followup.Store {
		return openStore(t, Params{Client: client, Partitions: 16})
	})
}

// widening is a client hook. Before each script about a lead that exists, it adds many fields to
// the lead.
type widening struct{ db redis.UniversalClient }

func (w *widening) DialHook(next redis.DialHook) redis.DialHook { return next }

func (w *widening) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		w.widen(ctx, cmd)
		return next(ctx, cmd)
	}
}

func (w *widening) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			w.widen(ctx, cmd)
		}
		return next(ctx, cmds)
	}
}

// widen adds the fields if the command is a script whose first key is a lead.
func (w *widening) widen(ctx context.Context, cmd redis.Cmder) {
	args := cmd.Args() // EVALSHA, its hash, number of keys, the first of them
	if len(args) < 4 || !strings.HasPrefix(cmd.Name(), "eval") {
		return
	}
	lead, _ := args[3].(string)
	if n := w.db.HLen(ctx, lead).Val(); !strings.Contains(lead, ":l:") || n == 0 || n > 128 {
		return
	}
	more := map[string]any{}
	for i := range 129 {
		more["more:"+strconv.Itoa(i)] = i
	}
	w.db.HSet(ctx, lead, more)
}

// runSuites runs the model test, the suite and the backlog suite on the client's Redis. There are
// few partitions, so that leads of a test share some.
func runSuites(t *testing.T, client redis.UniversalClient, embedded bool) {
	bounded := func(t *testing.T, bound int) *Store {
		t.Helper()
		s := openStore(t, Params{Client: client, Embedded: embedded, Partitions: 16, MaxBacklog: bound})
		s.backlog.age = 0 // the suite does not move the store's own clock
		return s
	}
	// The model test runs first: it looks at all keys after each operation, and the suite leaves
	// thousands of them.
	t.Run("model", func(t *testing.T) {
		s := bounded(t, 0)
		storetest.Model(t, func(*testing.T) followup.Store { return s }, func(t *rapid.T) { checkBacklog(t, s) })
		checkStepIndex(t, s)
	})
	t.Run("suite", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) followup.Store { return bounded(t, 0) })
		checkStepIndex(t, bounded(t, 0))
	})
	t.Run("backlog", func(t *testing.T) {
		storetest.Backlog(t, func(t *testing.T, bound int) followup.Store { return bounded(t, bound) })
	})
}
