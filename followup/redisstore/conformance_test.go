package redisstore

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
	"wagate/followup/storetest"
)

// opened opens a store on whatever the client reaches. Few partitions make the
// leads of a test share some of them.
func opened(t *testing.T, client redis.UniversalClient, embedded bool) followup.Store {
	t.Helper()
	s, err := Open(t.Context(), Params{Client: client, Embedded: embedded, Partitions: 16})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

// TestI13EmbeddedConforms, TestI13RedisConforms and TestI13ClusterConforms run
// one suite on all three, and the random walks of the model test.
func TestI13EmbeddedConforms(t *testing.T) {
	client, stop, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	conforms(t, func(t *testing.T) followup.Store { return opened(t, client, true) })
}

func TestI13RedisConforms(t *testing.T) {
	client := redistest.Start(t, redistest.AOF("everysec")).Client()
	conforms(t, func(t *testing.T) followup.Store { return opened(t, client, false) })
}

func TestI13ClusterConforms(t *testing.T) {
	client := redistest.StartCluster(t, 3, 0).Client()
	conforms(t, func(t *testing.T) followup.Store { return opened(t, client, false) })
}

func conforms(t *testing.T, open storetest.New) {
	t.Run("suite", func(t *testing.T) { storetest.Run(t, open) })
	t.Run("model", func(t *testing.T) { storetest.Model(t, open) })
}
