package redisstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

var writableScript = load("writable")

// Ping implements followup.ControlStore: every master must take what is written. One
// that is out of memory, cannot write its file or has become a replica answers, but
// nothing can be acknowledged and nothing sent.
func (s *Store) Ping(ctx context.Context) error { return s.eachNode(ctx, writable) }

// answers says whether every master answers, whatever it takes.
func (s *Store) answers(ctx context.Context) bool {
	return s.eachNode(ctx, func(ctx context.Context, node *redis.Client) error { return node.Ping(ctx).Err() }) == nil
}

// writable returns why a node takes nothing that is written, in Redis' own words.
func writable(ctx context.Context, node *redis.Client) error {
	err := writableScript.Run(ctx, node, nil).Err()
	if isServerError(err) && strings.HasPrefix(err.Error(), "ERR ") { // the embedded one, as any before version 7, cannot read the script, but answers
		return nil
	}
	return err
}

// examineWrites looks whether a node takes what is written.
func examineWrites(ctx context.Context, node *redis.Client, f *findings) error {
	err := writable(ctx, node)
	if err != nil && !isServerError(err) {
		return fmt.Errorf("ask whether it can be written to: %w", err)
	}
	if err != nil {
		f.breaks("redis takes nothing that is written, so webhooks are answered 503 and nothing is sent: %v", err)
	}
	return nil
}
