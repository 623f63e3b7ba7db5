package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

// erased stands for whom a lead was merged into where it was erased.
const erased = "erased"

// maxHeirs bounds how often a lead may be merged on while somebody looks for his heir.
const maxHeirs = 8

// maxMerged bounds how often a lead may have been merged on: a person has a few names a year.
const maxMerged = 1000

// heir returns the lead that a lead was merged into in the end: itself if it
// was not, erased if that one was.
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
	return "", fmt.Errorf("lead merged on %d times: %w", maxMerged, errReply)
}
