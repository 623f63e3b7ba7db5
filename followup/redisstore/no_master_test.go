package redisstore

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
)

// clusterThatSays returns a store on a cluster of one node. The first few times that it is
// asked who serves what, it says that nobody does, as a node that lost its file.
func clusterThatSays(t *testing.T, nobody int64) *Store {
	t.Helper()
	node, stop, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	var asked atomic.Int64
	db := redis.NewClusterClient(&redis.ClusterOptions{
		Password: node.Options().Password, DisableIdentity: true,
		ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) {
			if asked.Add(1) <= nobody {
				return nil, nil
			}
			return []redis.ClusterSlot{{End: 16383, Nodes: []redis.ClusterNode{{Addr: node.Options().Addr}}}}, nil
		},
	})
	t.Cleanup(func() { _ = db.Close() })
	s, err := build(Params{Client: db, Embedded: true})
	if err != nil {
		t.Fatal(err)
	}
	s.partitions, s.metrics = testPartitions, newMetrics(nil, s)
	return s
}

// TestI13ANodeThatLostItsFileIsNotTheCluster: who asks it about the others asks again, and a
// cluster of which nobody knows a master is away, and not well.
func TestI13ANodeThatLostItsFileIsNotTheCluster(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(s *Store) error{
		"checked": func(s *Store) error {
			_, err := s.Check(t.Context())
			return err
		},
		"pinged": func(s *Store) error { return s.Ping(t.Context()) },
		"scraped": func(s *Store) error {
			if !s.answers(t.Context()) {
				return errors.New("not up")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := ask(clusterThatSays(t, 2)); err != nil {
				t.Errorf("two nodes lost their files: got %v, want it well", err)
			}
			if err := ask(clusterThatSays(t, 1000)); err == nil {
				t.Error("all nodes did: got it well, want an error")
			}
		})
	}
}
