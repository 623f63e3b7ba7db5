package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"wagate/followup"
)

// deadOfLead returns the webhook-ids of a lead's dead letters.
func (s *Store) deadOfLead(ctx context.Context, lead followup.LeadID) ([]string, error) {
	found, err := s.scanDead(ctx, s.partition(lead), "*|"+string(lead))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range found {
		if e.lead == lead {
			ids = append(ids, e.id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// scanDead returns the dead letters of a partition whose member matches the pattern. A letter may
// be returned twice.
func (s *Store) scanDead(ctx context.Context, partition int, pattern string) ([]deadEntry, error) {
	var found []deadEntry
	iter := s.db.ZScan(ctx, tagOf(partition).dead(), 0, pattern, 1000).Iterator()
	for iter.Next(ctx) { // members and scores alternate
		name := iter.Val()
		if !iter.Next(ctx) {
			break
		}
		at, _ := strconv.ParseFloat(iter.Val(), 64)
		found = append(found, entryOf(partition, name, at))
	}
	if err := iter.Err(); err != nil {
		return nil, fmt.Errorf("find dead letters: %w", err)
	}
	return found, nil
}

// dropDeadOf removes a lead's dead letters.
func (s *Store) dropDeadOf(ctx context.Context, tenant followup.TenantID, lead followup.LeadID) error {
	return s.eachLetter(ctx, tenant, lead, func(webhookID string, d followup.DeadLetter, _ string) error {
		return s.drop(ctx, s.tag(lead), d.Tenant, lead, webhookID, s.removal(), false)
	})
}

// moveDead moves a lead's dead letters to another lead. Each is written there before it is removed
// here, under the same webhook-id. So a repetition after a crash in between changes nothing, and a
// letter that was replayed or dropped there in between does not come back. Nobody can replay or
// drop a letter here any more. A letter that cannot be read is moved as it is; its member says
// whose it is.
func (s *Store) moveDead(ctx context.Context, tenant followup.TenantID, from, to followup.LeadID) error {
	t := s.tag(to)
	return s.eachLetter(ctx, tenant, from, func(webhookID string, d followup.DeadLetter, text string) error {
		if d.Reason != followup.DeadUnreadable {
			d.Lead, d.ID = to, s.letterID(to, webhookID)
			text = string(marshal(storedLetter{Version: formatVersion, DeadLetter: d}))
		}
		counts, err := s.movedCount(ctx, from, webhookID, d)
		if err != nil {
			return err
		}
		v, err := s.runDurable(ctx, importScript,
			[]string{
				t.dead(), t.deadOf(d.Tenant), t.deadLetters(), t.answered(webhookID), t.lead(to), t.deadCounted(), t.relayBacklog(),
			},
			deadMember(webhookID, to), webhookID, ms(d.DeadAt), text, deadMember(webhookID, from), string(to), string(from),
			counts)
		if err != nil || v == "ok" && s.tag(from) == t {
			return err
		}
		return s.drop(ctx, s.tag(from), d.Tenant, from, webhookID, "mv:"+string(from), false)
	})
}

// eachLetter calls f for each dead letter of the tenant's lead, with the letter's stored form.
func (s *Store) eachLetter(
	ctx context.Context, tenant followup.TenantID, lead followup.LeadID,
	f func(webhookID string, d followup.DeadLetter, text string) error,
) error {
	ids, err := s.deadOfLead(ctx, lead)
	if err != nil {
		return err
	}
	for _, webhookID := range ids {
		err := s.withLetter(ctx, s.letterID(lead, webhookID), func(d followup.DeadLetter, text string) error {
			d.Tenant = cmp.Or(d.Tenant, tenant)
			return f(webhookID, d, text)
		})
		if err != nil && !errors.Is(err, followup.ErrNotFound) {
			return err
		}
	}
	return nil
}
