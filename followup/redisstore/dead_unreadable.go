package redisstore

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

// A dead letter that cannot be read must not block others, a merge or an erasure. What the sets say
// about it is enough to list, move and drop it.

// unreadable returns what an entry says about a dead letter that cannot be read.
func (e deadEntry) unreadable() followup.DeadLetter {
	return followup.DeadLetter{
		ID: strconv.Itoa(e.partition) + "-" + e.id, Lead: e.lead, Reason: followup.DeadUnreadable, DeadAt: fromMS(int64(e.at)),
	}
}

// withLetter calls f for a dead letter, readable or not, with the letter's stored form.
func (s *Store) withLetter(ctx context.Context, id string, f func(d followup.DeadLetter, text string) error) error {
	text, err := s.letterText(ctx, id)
	if err != nil {
		return err
	}
	d, err := parseLetter(text)
	if err != nil {
		if d, err = s.unreadableLetter(ctx, id, text); err != nil {
			return err
		}
	}
	return f(d, text)
}

// unreadableLetter returns what can be found out about a dead letter that cannot be read: its
// tenant and, from the sets, its lead.
func (s *Store) unreadableLetter(ctx context.Context, id, text string) (followup.DeadLetter, error) {
	partition, webhookID, err := s.parseLetterID(id)
	if err != nil {
		return followup.DeadLetter{}, err
	}
	found, err := s.scanDead(ctx, partition, deadMember(webhookID, "*"))
	if err != nil || len(found) == 0 {
		return followup.DeadLetter{ID: id, Tenant: tenantIn(text), Reason: followup.DeadUnreadable}, err
	}
	d := found[0].unreadable()
	if d.Tenant = tenantIn(text); d.Tenant != "" {
		return d, nil
	}
	tenant, err := s.db.HGet(ctx, tagOf(partition).lead(d.Lead), "t").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return d, fmt.Errorf("find tenant of dead letter: %w", err)
	}
	d.Tenant = followup.TenantID(tenant)
	return d, nil
}

// tenantPattern finds a dead letter's tenant, which stands before the events.
var tenantPattern = regexp.MustCompile(`"tenant_id":"([^"\\]+)"`)

// tenantIn extracts only the tenant; "" if even that cannot be found.
func tenantIn(text string) followup.TenantID {
	if m := tenantPattern.FindStringSubmatch(text); m != nil {
		return followup.TenantID(m[1])
	}
	return ""
}
