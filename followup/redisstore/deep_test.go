package redisstore

import (
	"fmt"
	"testing"

	"wagate/followup"
)

// TestI1LongQueueIsMerged merges a lead for which as many events wait as the default bound allows.
func TestI1LongQueueIsMerged(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		s.backlog.bound = 100_000
		deep := followup.LeadBacklog(s.backlog.bound)
		one, err := s.Resolve(t.Context(), p.tenant, followup.Identity{Phone: "15551230001"}, true, epoch)
		if err != nil {
			t.Fatal(err)
		}
		p.lead, err = s.Resolve(t.Context(), p.tenant, followup.Identity{UserID: "US.1"}, true, epoch.Add(1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Settle(t.Context(), p.saying(epoch, "first")); err != nil {
			t.Fatal(err)
		}
		more := make([]any, deep-1)
		for i := range more {
			more[i] = fmt.Sprintf(`{"t":1,"e":{"c":"%s","f":"messages","v":{}}}`, p.channel)
		}
		s.db.RPush(t.Context(), s.tag(p.lead).queue(p.lead, p.assistant), more...)
		s.db.HSet(t.Context(), s.tag(p.lead).relayBacklog(), string(p.assistant), deep)
		got, err := s.Resolve(t.Context(), p.tenant, followup.Identity{Phone: "15551230001", UserID: "US.1"}, true, epoch)
		if err != nil {
			t.Fatalf("Resolve: got %.200v, want no error", err)
		}
		n := s.db.LLen(t.Context(), s.tag(got).queue(got, p.assistant)).Val()
		if got == one && n != int64(deep) {
			t.Errorf("events in the winner's queue: got %d, want %d", n, deep)
		}
	})
}
