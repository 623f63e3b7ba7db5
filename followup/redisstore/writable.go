package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

var writableScript = load("writable")

// Ping implements followup.ControlStore. It returns an error unless every master accepts writes. A
// master that is out of memory, cannot write its file, has become a replica or has lost the rest of
// its cluster still answers, but nothing can be acknowledged or sent. If replicas are promised,
// at least one master must have them: a master without its replicas does not hold up the others.
func (s *Store) Ping(ctx context.Context) error {
	var mu sync.Mutex
	var short error
	replicated := false
	err := s.eachNode(ctx, func(ctx context.Context, node *redis.Client) error {
		serves, err := s.writable(ctx, node)
		if err != nil || !serves {
			return err
		}
		err = s.replicated(ctx, node)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			short = err
		}
		replicated = replicated || err == nil
		return nil
	})
	if err == nil && !replicated {
		return short
	}
	return err
}

// replicated returns an error if fewer replicas than promised have what a node has written.
func (s *Store) replicated(ctx context.Context, node *redis.Client) error {
	if s.durability.Replicas == 0 {
		return nil
	}
	acked := s.wait(ctx)
	_, _ = node.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Ping(ctx) // WAIT refers to the last command of its connection
		return p.Process(ctx, acked)
	})
	return s.enough(acked)
}

// answers reports whether every master answers, even if it refuses writes.
func (s *Store) answers(ctx context.Context) bool {
	return s.eachNode(ctx, func(ctx context.Context, node *redis.Client) error { return node.Ping(ctx).Err() }) == nil
}

// writable returns an error if a node refuses writes, in Redis' own words. serves says whether the
// node serves any partition.
func (s *Store) writable(ctx context.Context, node *redis.Client) (serves bool, err error) {
	keys := s.keyAt(ctx, node)
	err = writableScript.Run(ctx, node, keys).Err()
	_, asked := redis.IsAskError(err)
	if _, cluster := s.db.(*redis.ClusterClient); cluster && (asked || isMoved(err)) {
		return false, nil // the slot has just moved to another master, which is asked, too
	}
	// The embedded Redis, like any before version 7, cannot read the script, but it answers.
	if isServerError(err) && strings.HasPrefix(err.Error(), "ERR ") {
		err = nil
	}
	return len(keys) > 0, err
}

// keyAt returns a key of a partition that a node serves, or none if it serves no partition. A node
// of a cluster refuses that key if it would refuse a lead's: while slots are without a master, most
// nodes refuse all keys.
func (s *Store) keyAt(ctx context.Context, node *redis.Client) []string {
	for _, n := range s.all() {
		key := tagOf(n).control()
		if of, err := s.master(ctx, key); err == nil && of == node {
			return []string{key}
		}
	}
	return nil
}

// examineWrites adds to f what keeps a node from accepting writes, or from having them in as many
// replicas as promised. More replicas than promised are a fault, too: nobody knows what a replica
// has that is not waited for.
func (s *Store) examineWrites(ctx context.Context, node *redis.Client, replicas int, f *findings) error {
	serves, err := s.writable(ctx, node)
	if err != nil && !isServerError(err) {
		return fmt.Errorf("test whether redis accepts writes: %w", err)
	}
	if err != nil {
		f.breaks("redis refuses writes, so webhooks are answered 503 and nothing is sent: %v", err)
		return nil
	}
	if replicas < s.durability.Replicas {
		f.breaks("redis has %d replicas and %s is promised: nothing will be acknowledged or sent", replicas, s.durability)
		return nil
	}
	if want := s.durability.Replicas; want > 0 && replicas > want {
		f.breaks("redis has %d replicas and %s is promised: one that takes over may lack what was acknowledged; "+
			"set redis.durability to replicas:%d, or leave it fewer replicas", replicas, s.durability, replicas)
	}
	if !serves {
		return nil
	}
	err = s.replicated(ctx, node)
	switch {
	case err == nil:
	case errors.Is(err, followup.ErrNotDurable):
		f.breaks("redis has %d replicas that do not keep up and %s is promised: nothing will be acknowledged or sent", replicas, s.durability)
	case isServerError(err):
		f.breaks("redis does not wait for replicas, so webhooks are answered 503 and nothing is sent: %v", err)
	default:
		return fmt.Errorf("test whether replicas keep up: %w", err)
	}
	return nil
}
