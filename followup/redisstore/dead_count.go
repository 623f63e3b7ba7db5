package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

var recountScript = load("dead_recount")

// countsAs returns what a dead letter counts as, in the form that lua/lib/dead.lua reads.
func countsAs(tenant followup.TenantID, assistant followup.AssistantID, events int) string {
	return strconv.Itoa(events) + " " + deadField(tenant, assistant)
}

// movedCount returns what a dead letter counts as when it is moved to another lead. For a letter
// that cannot be read, that is what it has counted as so far.
func (s *Store) movedCount(ctx context.Context, from followup.LeadID, webhookID string, d followup.DeadLetter) (string, error) {
	if d.Reason != followup.DeadUnreadable {
		return countsAs(d.Tenant, d.Assistant, d.Count), nil
	}
	entry, err := s.db.HGet(ctx, s.tag(from).deadCounted(), deadMember(webhookID, from)).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return "", fmt.Errorf("read what a dead letter counts as: %w", err)
	}
	return entry, nil
}

// RecountDead makes each dead letter count as waiting for its assistant, and removes counts whose
// letter is gone. This program counts letters as they come and go, but a program that does not
// count them leaves letters uncounted, and counts without a letter. Whoever shares a store with
// such a program, or did, calls RecountDead now and then. A letter that cannot be read, and was not
// counted while it could be, counts for no assistant.
func (s *Store) RecountDead(ctx context.Context) error {
	for p := range s.partitions {
		if err := s.recountDead(ctx, p); err != nil {
			return fmt.Errorf("recount dead letters: %w", err)
		}
	}
	return nil
}

func (s *Store) recountDead(ctx context.Context, partition int) error {
	t := tagOf(partition)
	found, err := s.scanDead(ctx, partition, "*")
	if err != nil {
		return err
	}
	uncounted := make(map[string]deadEntry, len(found))
	for _, e := range found {
		uncounted[deadMember(e.id, e.lead)] = e
	}
	var gone []any
	iter := s.db.HScan(ctx, t.deadCounted(), 0, "", deadChunk).Iterator()
	for iter.Next(ctx) { // fields and values alternate
		name := iter.Val()
		if !iter.Next(ctx) {
			break
		}
		switch _, there := uncounted[name]; {
		case there:
			delete(uncounted, name)
		case !strings.HasPrefix(name, "l:"):
			gone = append(gone, name, "")
		}
	}
	if err := iter.Err(); err != nil {
		return err
	}
	var entries []deadEntry
	for _, e := range uncounted {
		entries = append(entries, e)
	}
	for chunk := range slices.Chunk(entries, deadChunk) {
		letters, err := s.readDead(ctx, "", chunk)
		if err != nil {
			return err
		}
		var args []any
		for _, d := range letters {
			if d.Reason != followup.DeadUnreadable {
				_, webhookID, _ := strings.Cut(d.ID, "-")
				args = append(args, deadMember(webhookID, d.Lead), countsAs(d.Tenant, d.Assistant, d.Count))
			}
		}
		if err := s.recount(ctx, t, args); err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(gone, 2*deadChunk) {
		if err := s.recount(ctx, t, chunk); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) recount(ctx context.Context, t tag, args []any) error {
	if len(args) == 0 {
		return nil
	}
	_, err := s.run(ctx, recountScript, []string{t.dead(), t.deadCounted(), t.relayBacklog()}, args...)
	return err
}
