package redisstore

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
	"wagate/followup/storetest"
)

// TestI13EmbeddedConforms, TestI13RedisConforms and TestI13ClusterConforms run
// one suite on all three, and the random walks of the model test.
func TestI13EmbeddedConforms(t *testing.T) {
	client, stop, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	conforms(t, client, true)
}

func TestI13RedisConforms(t *testing.T) {
	conforms(t, redistest.Start(t, redistest.AOF("everysec")).Client(), false)
}

func TestI13ClusterConforms(t *testing.T) {
	conforms(t, redistest.StartCluster(t, 3, 0).Client(), false)
}

// conforms opens stores on whatever the client reaches. Few partitions make the
// leads of a test share some of them.
func conforms(t *testing.T, client redis.UniversalClient, embedded bool) {
	bounded := func(t *testing.T, bound int) *Store {
		t.Helper()
		s := openStore(t, Params{Client: client, Embedded: embedded, Partitions: 16, MaxBacklog: bound})
		s.backlog.age = 0 // the suite moves its own clock only
		return s
	}
	// First: it looks at all keys after each step, and the suite leaves thousands.
	t.Run("model", func(t *testing.T) {
		s := bounded(t, 0)
		storetest.Model(t, func(*testing.T) followup.Store { return s }, func(t *rapid.T) { counted(t, s) })
		indexed(t, s)
	})
	t.Run("suite", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) followup.Store { return bounded(t, 0) })
		indexed(t, bounded(t, 0))
	})
	t.Run("backlog", func(t *testing.T) {
		storetest.Backlog(t, func(t *testing.T, bound int) followup.Store { return bounded(t, bound) })
	})
}
