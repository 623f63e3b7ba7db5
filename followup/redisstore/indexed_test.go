package redisstore

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

// checkStepIndex fails the test unless the indexes of steps hold exactly what the leads' hashes
// say: a run whose step is armed lies in its tenant's due set at its due; any other live run has a
// lease; no run has both; and the index of tenants holds each tenant's first due.
func checkStepIndex(t failer, s *Store) {
	t.Helper()
	var mu sync.Mutex
	want, got := map[string]string{}, map[string]string{}
	if err := s.eachNode(context.Background(), func(ctx context.Context, node *redis.Client) error {
		says, err := stepsOfLeads(ctx, node)
		if err != nil {
			return err
		}
		holds, err := stepsOfIndexes(ctx, node)
		mu.Lock()
		defer mu.Unlock()
		maps.Copy(want, says)
		maps.Copy(got, holds)
		return err
	}); err != nil {
		t.Fatalf("read steps: %v", err)
	}
	for what := range got {
		if want[what] == "" {
			t.Errorf("index of steps, %s: got %q, want it in no index", what, got[what])
		}
	}
	for what, where := range want {
		if got[what] != where {
			t.Errorf("index of steps, %s: got %q, want %q", what, got[what], where)
		}
	}
}

// stepsOfLeads returns where the steps of a node's leads must be found, and each tenant's first
// due.
func stepsOfLeads(ctx context.Context, node *redis.Client) (map[string]string, error) {
	leads, err := node.Keys(ctx, "{p*}:l:*").Result()
	if err != nil {
		return nil, fmt.Errorf("keys of leads: %w", err)
	}
	steps, first := map[string]string{}, map[string]int64{}
	for _, key := range leads {
		fields, err := node.HGetAll(ctx, key).Result()
		if err != nil {
			return nil, fmt.Errorf("read lead: %w", err)
		}
		partition, id, _ := strings.Cut(key, ":l:")
		for n := range strings.FieldsSeq(fields["lv"]) {
			number, _ := strconv.Atoi(n)
			run := string(followup.LeadID(id).Run(number))
			state := strings.Split(fields["r"+n], "|")
			if followup.RunState(state[0]) != followup.RunArmed {
				steps[run] = "lease"
				continue
			}
			steps[run] = "due " + state[3]
			due, _ := strconv.ParseInt(state[3], 10, 64)
			if group := partition + " " + fields["t"]; first[group] == 0 || due < first[group] {
				first[group] = due
			}
		}
	}
	for group, due := range first {
		steps[group] = strconv.FormatInt(due, 10)
	}
	return steps, nil
}

// stepsOfIndexes returns the same from the indexes.
func stepsOfIndexes(ctx context.Context, node *redis.Client) (map[string]string, error) {
	steps := map[string]string{}
	read := func(pattern string, tell func(key string, z redis.Z)) error {
		keys, err := node.Keys(ctx, pattern).Result()
		if err != nil {
			return fmt.Errorf("keys of an index: %w", err)
		}
		for _, key := range keys {
			all, err := node.ZRangeWithScores(ctx, key, 0, -1).Result()
			if err != nil {
				return fmt.Errorf("read index: %w", err)
			}
			for _, z := range all {
				tell(key, z)
			}
		}
		return nil
	}
	at := func(z redis.Z) string { return strconv.FormatFloat(z.Score, 'f', 0, 64) }
	if err := read("{p*}:sg:*", func(_ string, z redis.Z) { steps[member(z)] += "due " + at(z) }); err != nil {
		return nil, err
	}
	if err := read("{p*}:sl", func(_ string, z redis.Z) { steps[member(z)] += "lease" }); err != nil {
		return nil, err
	}
	return steps, read("{p*}:si", func(key string, z redis.Z) { steps[strings.TrimSuffix(key, ":si")+" "+member(z)] = at(z) })
}

// TestI7PostponedStepIsIndexedAtItsDue restarts a step's wait. The indexes must have the new due,
// so that no replica looks for the step at the old one again and again.
func TestI7PostponedStepIsIndexedAtItsDue(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		p.mustSay(t, s, "hi", epoch)
		p.start(t, s, p.lead, "c")
		at := epoch.Add(time.Minute)
		if _, err := s.Settle(t.Context(), followup.Settlement{
			Tenant: p.tenant, Lead: p.lead, Now: at, Real: at,
			Items: []followup.Item{{DedupID: "echo", Channel: p.channel, Assistant: p.assistant, At: at, Outbound: true}},
		}); err != nil {
			t.Fatal(err)
		}
		checkStepIndex(t, s)
	})
}
