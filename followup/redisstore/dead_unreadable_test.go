package redisstore

import (
	"errors"
	"testing"
	"time"

	"wagate/followup"
)

// unreadables are contents of a party's dead letter that cannot be read, by what happened to them.
var unreadables = map[string]func(party) string{
	"truncated":   func(p party) string { return `{"v":1,"id":"x","tenant_id":"` + string(p.tenant) + `","assis` },
	"overwritten": func(party) string { return "\x00" },
	"empty":       func(party) string { return "" },
}

// unreadableLetter makes two dead letters of two leads. The first letter has that text, which
// cannot be read; of is its lead.
func unreadableLetter(t *testing.T, s *Store, p party, text string) (torn, whole string, of followup.LeadID) {
	t.Helper()
	for range 2 {
		p.lead = followup.NewLeadID()
		p.mustSay(t, s, "x", epoch)
	}
	for i, d := range claimAll(t, s, epoch.Add(time.Hour)) {
		id := bury(t, s, d, epoch.Add(time.Duration(i)*time.Hour))
		if i > 0 {
			whole = id
			continue
		}
		torn, of = id, d.Lead
		if err := s.db.HSet(t.Context(), s.tag(of).deadLetters(), d.ID, text).Err(); err != nil {
			t.Fatal(err)
		}
	}
	return torn, whole, of
}

// TestI1UnreadableDeadLetter checks that a dead letter that cannot be read hides no other letter,
// is listed and counted as unreadable, and can be dropped.
func TestI1UnreadableDeadLetter(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		for name, text := range unreadables {
			p := newParty()
			torn, whole, of := unreadableLetter(t, s, p, text(p))
			for _, tenant := range []followup.TenantID{p.tenant, ""} {
				list, total, err := s.DeadLetters(t.Context(), tenant, 10, 0)
				if err != nil || total != 2 || len(list) != 2 || list[0].ID != whole || list[0].Count != 1 {
					t.Fatalf("%s: got %+v, %d, %v, want both letters", name, list, total, err)
				}
				d := list[1]
				if name == "truncated" && d.Tenant != p.tenant {
					t.Errorf("%s: got tenant %q, want its tenant", name, d.Tenant)
				}
				if d.ID != torn || d.Reason != followup.DeadUnreadable || d.Lead != of || !d.DeadAt.Equal(epoch) {
					t.Errorf("%s: got %+v, want the unreadable letter as it was buried", name, d)
				}
			}
			walked := 0
			if err := s.WalkDead(t.Context(), p.tenant, func(followup.DeadLetter) error { walked++; return nil }); err != nil || walked != 2 {
				t.Errorf("%s: WalkDead: got %d visited, %v, want 2", name, walked, err)
			}
			if _, err := s.DeadLetter(t.Context(), torn); !errors.Is(err, followup.ErrUnreadable) {
				t.Errorf("%s: DeadLetter: got %v, want ErrUnreadable", name, err)
			}
			if err := s.ReplayDead(t.Context(), torn, epoch); !errors.Is(err, followup.ErrUnreadable) {
				t.Errorf("%s: ReplayDead: got %v, want ErrUnreadable", name, err)
			}
			if name == "truncated" { // the letter still names its tenant, even if the lead is gone
				s.db.Del(t.Context(), s.tag(of).lead(of))
			}
			for _, id := range []string{torn, whole} {
				if err := s.DropDead(t.Context(), id); err != nil {
					t.Fatalf("%s: DropDead: %v", name, err)
				}
			}
			for _, tenant := range []followup.TenantID{p.tenant, ""} {
				if _, total, err := s.DeadLetters(t.Context(), tenant, 10, 0); err != nil || total != 0 {
					t.Errorf("%s: got %d dead letters left, %v, want none", name, total, err)
				}
			}
		}
	})
}

// TestUnreadableDeadLetterFollowsItsLead checks that an unreadable letter holds up neither a merge
// nor an erasure of its lead.
func TestUnreadableDeadLetterFollowsItsLead(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		for _, same := range []bool{true, false} {
			for name, text := range unreadables {
				p := newParty()
				torn, whole, of := unreadableLetter(t, s, p, text(p))
				to := followup.NewLeadID()
				for (s.partition(to) == s.partition(of)) != same {
					to = followup.NewLeadID()
				}
				for range 2 {
					if err := s.moveDead(t.Context(), p.tenant, of, to); err != nil {
						t.Fatalf("%s: moveDead: %v", name, err)
					}
				}
				list, total, err := s.DeadLetters(t.Context(), p.tenant, 10, 0)
				if err != nil || total != 2 || list[1].Lead != to || list[1].Reason != followup.DeadUnreadable || !list[1].DeadAt.Equal(epoch) {
					t.Fatalf("%s: got %+v, %d, %v, want the unreadable letter with the new lead", name, list, total, err)
				}
				if _, err := s.DeadLetter(t.Context(), torn); !same && !errors.Is(err, followup.ErrNotFound) {
					t.Errorf("%s: DeadLetter under its old id: got %v, want ErrNotFound", name, err)
				}
				if err := s.dropDeadOf(t.Context(), p.tenant, to); err != nil {
					t.Fatalf("%s: dropDeadOf: %v", name, err)
				}
				if list, total, err := s.DeadLetters(t.Context(), p.tenant, 10, 0); err != nil || total != 1 || list[0].ID != whole {
					t.Errorf("%s: got %+v, %d, %v, want only the other letter", name, list, total, err)
				}
				if err := s.DropDead(t.Context(), whole); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
