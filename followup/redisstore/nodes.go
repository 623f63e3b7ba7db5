package redisstore

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/redis/go-redis/v9"
)

// silent holds the partitions of nodes that did not answer.
type silent map[int]bool

// all returns all partitions.
func (s *Store) all() []int {
	list := make([]int, s.partitions)
	for i := range list {
		list[i] = i
	}
	return list
}

// pipeNodes sends plain commands about partitions, in one round trip per node and to all nodes at
// the same time; fill adds the commands of one partition. A node of a cluster that does not answer,
// because it hangs or is gone and no replica has taken over yet, does not hold up the others: its
// commands stay without a result, and its partitions are returned. If no node answers, pipeNodes
// returns an error. A missing key is not an error.
func (s *Store) pipeNodes(
	ctx context.Context, partitions []int, fill func(p redis.Pipeliner, partition int),
) (silent, error) {
	if _, cluster := s.db.(*redis.ClusterClient); !cluster {
		return nil, s.pipe(ctx, func(p redis.Pipeliner) {
			for _, n := range partitions {
				fill(p, n)
			}
		})
	}
	of := map[*redis.Client][]int{} // under nil: those that no known node serves
	for _, n := range partitions {
		node, _ := s.master(ctx, tagOf(n).stepsIndex())
		of[node] = append(of[node], n)
	}
	var (
		mu      sync.Mutex
		all     sync.WaitGroup
		without = silent{}
		failed  error
		wrong   int
	)
	for _, list := range of {
		// A pipeline of the cluster client, not of the node: it follows redirections while a slot migrates.
		p := s.db.Pipeline()
		for _, n := range list {
			fill(p, n)
		}
		all.Go(func() {
			within, cancel := context.WithTimeout(ctx, s.patience.peek)
			defer cancel()
			err := s.exec(within, p)
			if err == nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			failed, wrong = err, wrong+1
			for _, n := range list {
				without[n] = true
			}
		})
	}
	all.Wait()
	if failed == nil {
		return nil, nil
	}
	if wrong == len(of) {
		return nil, failed
	}
	s.leftForLater(leftUnclaimed, fmt.Errorf("%d partitions: %w", len(without), failed))
	return without, nil
}

// pipe sends plain commands in one round trip; a missing key is not an error.
func (s *Store) pipe(ctx context.Context, fill func(redis.Pipeliner)) error {
	p := s.db.Pipeline()
	fill(p)
	return s.exec(ctx, p)
}

// exec executes a pipeline and returns its first error; a missing key is none.
func (s *Store) exec(ctx context.Context, p redis.Pipeliner) error {
	cmds, err := p.Exec(ctx)
	if err == nil || errors.Is(err, redis.Nil) {
		for _, c := range cmds {
			if err := c.Err(); err != nil && !errors.Is(err, redis.Nil) {
				return err
			}
		}
		return nil
	}
	return err
}
