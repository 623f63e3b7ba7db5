package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

// erased stands in place of the heir's id if a lead was erased.
const erased = "erased"

// maxHeirs bounds how often a lead may be merged again while a caller is looking for its heir.
const maxHeirs = 8

// maxMerged bounds the length of a chain of merges: a person has a few names a year.
const maxMerged = 1000

// heir returns the lead at the end of a lead's chain of merges: the lead itself if it was not
// merged, or erased if that last lead was erased.
func (s *Store) heir(ctx context.Context, lead followup.LeadID) (followup.LeadID, error) {
	for range maxMerged {
		to, err := s.db.HGet(ctx, s.tag(lead).lead(lead), "mv").Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return "", fmt.Errorf("read lead: %w", err)
		}
		if to == "" {
			return lead, nil
		}
		lead = followup.LeadID(to)
	}
	return "", fmt.Errorf("lead merged %d times or more: %w", maxMerged, errReply)
}
