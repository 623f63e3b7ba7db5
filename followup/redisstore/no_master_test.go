package redisstore

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
)

// clusterWithoutMasters returns a store on a cluster of one node. When the node is asked which node
// serves which slot, it answers that none does, like a node that lost its cluster file; it gives
// the right answer after that many such answers.
func clusterWithoutMasters(t *testing.T, nobody int64) *Store {
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

// TestI13NodeThatLostItsFileIsAskedAgain: when a node that knows no masters answers, the store must
// ask again. A cluster of which no node knows a master must count as down, and not as healthy.
func TestI13NodeThatLostItsFileIsAskedAgain(t *testing.T) {
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
			if err := ask(clusterWithoutMasters(t, 2)); err != nil {
				t.Errorf("two nodes lost their files: got %v, want no error", err)
			}
			if err := ask(clusterWithoutMasters(t, 1000)); err == nil {
				t.Error("all nodes lost their files: got no error, want one")
			}
		})
	}
}
