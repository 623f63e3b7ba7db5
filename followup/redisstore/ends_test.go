package redisstore

import (
	"testing"
	"time"

	"wagate/followup"
)

// TestFirstSightsAlwaysExpire checks that removing old first sights leaves the key of the others
// with an expiry.
func TestFirstSightsAlwaysExpire(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p, noon := newParty(), epoch.Truncate(12*time.Hour)
		s.fewInHash = false
		const day = 24 * time.Hour
		for _, at := range []time.Duration{6 * time.Hour, 9*day + 5*time.Hour, 9*day + 7*time.Hour} {
			p.mustSay(t, s, "a", noon.Add(at))
		}
		if ttl := s.db.PTTL(t.Context(), s.tag(p.lead).dedup(p.lead)).Val(); ttl <= 0 {
			t.Errorf("first sights: got TTL %v, want an expiry", ttl)
		}
	})
}

// TestHistoryLivesAsLongAsItsLastEntry settles an item without an entry and then one with an entry,
// in the same half of a day. The expiry is extended once in each half, and the item without an
// entry must not use that up.
func TestHistoryLivesAsLongAsItsLastEntry(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		ctx, p, noon := t.Context(), newParty(), epoch.Truncate(12*time.Hour)
		settle := func(id string, at time.Time, e *followup.Entry) {
			t.Helper()
			if _, err := s.Settle(ctx, followup.Settlement{
				Tenant: p.tenant, Lead: p.lead, Now: at, Real: at,
				Items: []followup.Item{{
					DedupID: id, Channel: p.channel, Assistant: p.assistant, At: at, Reply: true, Entry: e,
				}},
			}); err != nil {
				t.Fatal(err)
			}
		}
		settle("a", noon, &followup.Entry{From: followup.FromLead, Text: "a", At: noon})
		history := s.tag(p.lead).history(p.lead, p.channel)
		s.db.PExpire(ctx, history, time.Minute) // almost 30 days later
		later := noon.Add(followup.HistoryAge - time.Minute)
		settle("reaction", later, nil)
		settle("b", later.Add(time.Second), &followup.Entry{From: followup.FromLead, Text: "b", At: later})
		if ttl := s.db.PTTL(ctx, history).Val(); ttl < followup.HistoryAge-time.Hour {
			t.Errorf("history: got TTL %v, want about %v", ttl, followup.HistoryAge)
		}
	})
}
