package redisstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

var (
	replayScript = load("dead_replay")
	dropScript   = load("dead_drop")
	importScript = load("dead_import")
)

// storedLetter is a dead letter as stored in Redis.
type storedLetter struct {
	Version int `json:"v"`
	followup.DeadLetter
}

// letterID returns the id of a dead letter: its partition and its webhook-id.
func (s *Store) letterID(lead followup.LeadID, webhookID string) string {
	return strconv.Itoa(s.partition(lead)) + "-" + webhookID
}

// parseLetterID splits an id that letterID made. It returns followup.ErrNotFound for any other
// text.
func (s *Store) parseLetterID(id string) (partition int, webhookID string, err error) {
	p, webhookID, ok := strings.Cut(id, "-")
	n, err := strconv.Atoi(p)
	if !ok || err != nil || n < 0 || n >= s.partitions || strconv.Itoa(n) != p {
		return 0, "", followup.ErrNotFound
	}
	return n, webhookID, nil
}

// deadMember names a dead letter in the sets: by webhook-id and lead, so that a lead's letters can
// be found without reading any.
func deadMember(webhookID string, lead followup.LeadID) string { return webhookID + "|" + string(lead) }

// DeadLetters implements followup.RelayStore. The sets are ordered by time, so a page is found by
// reading, from each partition, as many entries as could be on it.
func (s *Store) DeadLetters(
	ctx context.Context, tenant followup.TenantID, limit, offset int,
) ([]followup.DeadLetter, int, error) {
	limit, offset = max(limit, 0), max(offset, 0)
	counts := make([]*redis.IntCmd, s.partitions)
	tops := make([]*redis.ZSliceCmd, s.partitions)
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i := range counts {
			set := tagOf(i).dead()
			if tenant != "" {
				set = tagOf(i).deadOf(tenant)
			}
			counts[i] = p.ZCard(ctx, set)
			if limit > 0 {
				tops[i] = p.ZRevRangeWithScores(ctx, set, 0, int64(offset+limit-1))
			}
		}
	}); err != nil {
		return nil, 0, fmt.Errorf("list dead letters: %w", err)
	}
	total := 0
	for _, c := range counts {
		total += int(c.Val())
	}
	if limit == 0 {
		return []followup.DeadLetter{}, total, nil
	}
	all := newestFirst(tops)
	out, err := s.readDead(ctx, tenant, all[min(offset, len(all)):min(offset+limit, len(all))])
	return out, total, err
}

// deadEntry is a dead letter's entry in a set: where it is, whose it is, and when it died.
type deadEntry struct {
	partition int
	id        string
	lead      followup.LeadID
	at        float64
}

func entryOf(partition int, deadMember string, at float64) deadEntry {
	id, lead, _ := strings.Cut(deadMember, "|")
	return deadEntry{partition, id, followup.LeadID(lead), at}
}

// newestFirst merges the partitions' sets into one list, newest first.
func newestFirst(sets []*redis.ZSliceCmd) []deadEntry {
	var all []deadEntry
	for i, set := range sets {
		for _, z := range set.Val() {
			all = append(all, entryOf(i, member(z), z.Score))
		}
	}
	slices.SortFunc(all, func(a, b deadEntry) int {
		return cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(b.id, a.id))
	})
	return all
}

// deadChunk is how many dead letters are read at once while all are visited. One takes some
// kilobytes.
const deadChunk = 500

// WalkDead implements followup.RelayStore. It reads each set once and whole, because reading a page
// of it costs as much as reading everything before that page.
func (s *Store) WalkDead(ctx context.Context, tenant followup.TenantID, visit func(followup.DeadLetter) error) error {
	sets := make([]*redis.ZSliceCmd, s.partitions)
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i := range sets {
			set := tagOf(i).dead()
			if tenant != "" {
				set = tagOf(i).deadOf(tenant)
			}
			sets[i] = p.ZRangeWithScores(ctx, set, 0, -1)
		}
	}); err != nil {
		return fmt.Errorf("list dead letters: %w", err)
	}
	all := newestFirst(sets)
	slices.Reverse(all)
	for chunk := range slices.Chunk(all, deadChunk) {
		letters, err := s.readDead(ctx, tenant, chunk)
		if err != nil {
			return err
		}
		for _, d := range letters {
			if err := visit(d); err != nil {
				return err
			}
		}
	}
	return nil
}

// readDead reads dead letters without their events. For a letter that cannot be read it returns
// what the sets say about it.
func (s *Store) readDead(
	ctx context.Context, tenant followup.TenantID, all []deadEntry,
) ([]followup.DeadLetter, error) {
	reads := make([]*redis.StringCmd, len(all))
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i, e := range all {
			reads[i] = p.HGet(ctx, tagOf(e.partition).deadLetters(), e.id)
		}
	}); err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	out := make([]followup.DeadLetter, 0, len(reads))
	for i, r := range reads {
		if errors.Is(r.Err(), redis.Nil) {
			continue // removed since the set was read
		}
		d, err := parseLetter(r.Val())
		if err != nil {
			d = all[i].unreadable()
			d.Tenant = cmp.Or(tenant, tenantIn(r.Val()))
		}
		d.Events = nil
		out = append(out, d)
	}
	return out, nil
}

func parseLetter(text string) (followup.DeadLetter, error) {
	var d storedLetter
	if json.Unmarshal([]byte(text), &d) != nil {
		return followup.DeadLetter{}, fmt.Errorf("dead letter: %w", followup.ErrUnreadable)
	}
	return d.DeadLetter, nil
}

// DeadLetter implements followup.RelayStore.
func (s *Store) DeadLetter(ctx context.Context, id string) (followup.DeadLetter, error) {
	text, err := s.letterText(ctx, id)
	if err != nil {
		return followup.DeadLetter{}, err
	}
	return parseLetter(text)
}

// letterText returns a dead letter in its stored form.
func (s *Store) letterText(ctx context.Context, id string) (string, error) {
	partition, webhookID, err := s.parseLetterID(id)
	if err != nil {
		return "", err
	}
	text, err := s.db.HGet(ctx, tagOf(partition).deadLetters(), webhookID).Result()
	if errors.Is(err, redis.Nil) {
		return "", followup.ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("read dead letter: %w", err)
	}
	return text, nil
}

// ReplayDead implements followup.RelayStore.
func (s *Store) ReplayDead(ctx context.Context, id string, real time.Time) error {
	partition, webhookID, err := s.parseLetterID(id)
	if err != nil {
		return err
	}
	d, err := s.DeadLetter(ctx, id)
	if err != nil {
		return err
	}
	t := tagOf(partition)
	args := []any{
		deadMember(webhookID, d.Lead), webhookID, s.removal(), string(d.Lead), string(d.Assistant),
		strconv.FormatInt(ms(real), 10), string(d.Tenant), flag(d.Lead.StandIn()),
	}
	for _, e := range d.Events {
		args = append(args, marshal(e))
	}
	v, err := s.run(ctx, replayScript, []string{
		t.dead(), t.deadOf(d.Tenant), t.deadLetters(), t.answered(webhookID),
		t.queue(d.Lead, d.Assistant), t.relayDue(d.Assistant), t.relayIndex(), t.lead(d.Lead), t.relayBacklog(),
		t.deadCounted(),
	}, args...)
	if err != nil {
		return fmt.Errorf("replay dead letter: %w", err)
	}
	switch v {
	case "ok":
		return nil
	case "moved":
		heir, err := s.heirOfLetters(ctx, d.Tenant, d.Lead)
		if err != nil {
			return fmt.Errorf("replay dead letter: %w", err)
		}
		return s.ReplayDead(ctx, s.letterID(heir, webhookID), real)
	}
	return followup.ErrNotFound
}

// removal returns a request id for removing a dead letter for good. Its prefix says so, because a
// letter that was only handed on may come back.
func (s *Store) removal() string { return "rm:" + s.newToken() }

// heirOfLetters returns the lead that a merged lead's dead letters now belong to, after moving them
// there. It returns followup.ErrNotFound if they belong to nobody.
func (s *Store) heirOfLetters(ctx context.Context, tenant followup.TenantID, lead followup.LeadID) (followup.LeadID, error) {
	heir, err := s.heir(ctx, lead)
	if err != nil {
		return "", err
	}
	if heir == lead || heir == erased {
		return "", followup.ErrNotFound
	}
	return heir, s.moveDead(ctx, tenant, lead, heir)
}

// DropDead implements followup.RelayStore.
func (s *Store) DropDead(ctx context.Context, id string) error {
	partition, webhookID, err := s.parseLetterID(id)
	if err != nil {
		return err
	}
	return s.withLetter(ctx, id, func(d followup.DeadLetter, _ string) error {
		t, request := tagOf(partition), s.removal()
		err := s.drop(ctx, t, d.Tenant, d.Lead, webhookID, request, true)
		if !errors.Is(err, followup.ErrLeadMoved) {
			return err
		}
		heir, err := s.heirOfLetters(ctx, d.Tenant, d.Lead)
		if errors.Is(err, followup.ErrNotFound) {
			return s.drop(ctx, t, d.Tenant, d.Lead, webhookID, request, false)
		}
		if err != nil {
			return fmt.Errorf("drop dead letter: %w", err)
		}
		return s.DropDead(ctx, s.letterID(heir, webhookID))
	})
}

// drop removes a dead letter. If still is true, it does so only if the letter's lead was not merged
// away, and otherwise returns followup.ErrLeadMoved.
func (s *Store) drop(
	ctx context.Context, t tag, tenant followup.TenantID, lead followup.LeadID, webhookID, request string, still bool,
) error {
	v, err := s.run(ctx, dropScript,
		[]string{
			t.dead(), t.deadOf(tenant), t.deadLetters(), t.answered(webhookID), t.lead(lead), t.deadCounted(), t.relayBacklog(),
		},
		deadMember(webhookID, lead), webhookID, request, flag(still))
	if err != nil {
		return fmt.Errorf("drop dead letter: %w", err)
	}
	switch v {
	case "ok":
		return nil
	case "moved":
		return followup.ErrLeadMoved
	}
	return followup.ErrNotFound
}
