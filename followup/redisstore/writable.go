package redisstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

var writableScript = load("writable")

// Ping implements followup.ControlStore: every master must take what is written. One
// that is out of memory, cannot write its file, has become a replica or misses the rest of
// its cluster answers, but nothing can be acknowledged and nothing sent.
func (s *Store) Ping(ctx context.Context) error { return s.eachNode(ctx, s.writable) }

// answers says whether every master answers, whatever it takes.
func (s *Store) answers(ctx context.Context) bool {
	return s.eachNode(ctx, func(ctx context.Context, node *redis.Client) error { return node.Ping(ctx).Err() }) == nil
}

// writable returns why a node takes nothing that is written, in Redis' own words.
func (s *Store) writable(ctx context.Context, node *redis.Client) error {
	err := writableScript.Run(ctx, node, s.keyAt(ctx, node)).Err()
	_, asked := redis.IsAskError(err)
	if asked || isMoved(err) { // the slot has just gone to another, which is asked, too
		return nil
	}
	// The embedded one, as any before version 7, cannot read the script, but answers.
	if isServerError(err) && strings.HasPrefix(err.Error(), "ERR ") {
		return nil
	}
	return err
}

// keyAt returns a key that a node has to do with, none if it serves no partition. A node of a
// cluster refuses it as it would a lead's: while slots are without a master, most refuse all.
func (s *Store) keyAt(ctx context.Context, node *redis.Client) []string {
	for _, n := range s.all() {
		key := tagOf(n).control()
		if of, err := s.master(ctx, key); err == nil && of == node {
			return []string{key}
		}
	}
	return nil
}

// examineWrites looks whether a node takes what is written.
func (s *Store) examineWrites(ctx context.Context, node *redis.Client, f *findings) error {
	err := s.writable(ctx, node)
	if err != nil && !isServerError(err) {
		return fmt.Errorf("ask whether it can be written to: %w", err)
	}
	if err != nil {
		f.breaks("redis takes nothing that is written, so webhooks are answered 503 and nothing is sent: %v", err)
	}
	return nil
}
