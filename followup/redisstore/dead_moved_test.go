package redisstore

import (
	"context"
	"fmt"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// Three leads, the oldest first; what makes the last two one lead; and what makes that lead and the
// first one.
var (
	threeLeads      = []followup.Identity{{ExternalID: "crm-1"}, {Phone: "15550100001"}, {UserID: "BR.1"}}
	secondAndThird  = followup.Identity{Phone: "15550100001", UserID: "BR.1"}
	oldestAndSecond = followup.Identity{ExternalID: "crm-1", Phone: "15550100001"}
)

// inPartitions are the ways in which three leads can lie in partitions.
var inPartitions = map[string]func(a, b, c int) bool{
	"in one partition":     func(a, b, c int) bool { return a == b && b == c },
	"there and back":       func(a, b, c int) bool { return a == c && b != c },
	"each in its own":      func(a, b, c int) bool { return a != b && b != c && a != c },
	"the oldest elsewhere": func(a, b, c int) bool { return a != b && b == c },
}

// TestI2DeadLetterOfALeadThatIsMerged has one replica hand over a merged lead's dead letter, and
// another one work on the letter after the first has read it and before it writes it. What the
// second does must take effect, and once.
func TestI2DeadLetterOfALeadThatIsMerged(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := openStore(t, Params{Client: server.Client(), Partitions: 3})
	merge := func(s *Store, p party, who followup.Identity) error {
		_, err := s.Resolve(context.Background(), p.tenant, who, true, epoch)
		return err
	}
	// listed does something with the letter that an operator finds listed at that moment.
	listed := func(s *Store, p party, do func(*Store, party, string) error) error {
		all, _, err := s.DeadLetters(context.Background(), p.tenant, 1, 0)
		if err != nil || len(all) != 1 {
			return fmt.Errorf("DeadLetters: got %d letters, want 1: %w", len(all), err)
		}
		return do(s, p, all[0].ID)
	}
	erase := func(s *Store, p party) error {
		heir, err := s.Resolve(context.Background(), p.tenant, threeLeads[1], false, epoch)
		if err != nil {
			return err
		}
		return s.EraseLead(context.Background(), p.tenant, heir, epoch)
	}
	for _, row := range []struct {
		name      string
		meanwhile func(s *Store, p party) error
		want      string // what is delivered in the end
		left      int    // dead letters left
	}{
		{"replayed", func(s *Store, p party) error { return listed(s, p, replay) }, "x ", 0},
		{"dropped", func(s *Store, p party) error { return listed(s, p, drop) }, "", 0},
		{"handed over and replayed", func(s *Store, p party) error {
			if err := merge(s, p, secondAndThird); err != nil {
				return err
			}
			return listed(s, p, replay)
		}, "x ", 0},
		{"handed over and dropped", func(s *Store, p party) error {
			if err := merge(s, p, secondAndThird); err != nil {
				return err
			}
			return listed(s, p, drop)
		}, "", 0},
		{"handed on", func(s *Store, p party) error {
			if err := merge(s, p, secondAndThird); err != nil {
				return err
			}
			return merge(s, p, oldestAndSecond)
		}, "", 1},
		{"erased with its lead", erase, "", 0},
		{"handed over and erased", func(s *Store, p party) error {
			if err := merge(s, p, secondAndThird); err != nil {
				return err
			}
			return erase(s, p)
		}, "", 0},
	} {
		for where, fits := range inPartitions {
			t.Run(row.name+", "+where, func(t *testing.T) {
				var p party
				for fitting := false; !fitting; {
					p = newParty()
					var at []int
					for i, who := range threeLeads {
						p.lead = mustResolve(t, s, p, who, epoch.Add(time.Duration(i)*time.Second))
						at = append(at, s.partition(p.lead))
					}
					fitting = fits(at[0], at[1], at[2])
				}
				p.mustSay(t, s, "x", epoch)
				bury(t, s, claimOne(t, s, epoch), epoch)
				client := server.Client()
				late := openStore(t, Params{Client: client, Partitions: 3})
				client.AddHook(meanwhile(importScript, func() {
					if err := row.meanwhile(s, p); err != nil {
						t.Errorf("the other replica: got %v, want no error", err)
					}
				}))
				if err := merge(late, p, secondAndThird); err != nil {
					t.Fatalf("Resolve: %v", err)
				}
				list, n, err := s.DeadLetters(t.Context(), p.tenant, 5, 0)
				if err != nil || n != row.left {
					t.Errorf("dead letters: got %+v, %d, %v, want %d", list, n, err, row.left)
				}
				checkBacklog(t, s)
				if row.left == 1 {
					if err := listed(s, p, replay); err != nil {
						t.Errorf("ReplayDead: %v", err)
					}
					row.want = "x "
				}
				got := ""
				for _, d := range deliverAll(t, s) {
					got += textsIn(d)
				}
				if got != row.want {
					t.Errorf("delivered: got %q, want %q", got, row.want)
				}
			})
		}
	}
}

// TestI1DeadLetterMovedByAnOlderProgram moves a dead letter back into the partition that it left
// before. An older program moved it away, without noting that the letter was moved and not removed.
// The letter must not be taken for removed.
func TestI1DeadLetterMovedByAnOlderProgram(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		next := followup.NewLeadID()
		for s.partition(next) == s.partition(p.lead) {
			next = followup.NewLeadID()
		}
		last := followup.NewLeadID()
		for s.partition(last) != s.partition(p.lead) {
			last = followup.NewLeadID()
		}
		p.mustSay(t, s, "x", epoch)
		d := claimOne(t, s, epoch)
		bury(t, s, d, epoch)
		if err := s.moveDead(t.Context(), p.tenant, p.lead, next); err != nil {
			t.Fatalf("moveDead: %v", err)
		}
		if err := s.db.Set(t.Context(), s.tag(p.lead).answered(d.ID), token(), time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
		if err := s.moveDead(t.Context(), p.tenant, next, last); err != nil {
			t.Fatalf("moveDead: %v", err)
		}
		list, total, err := s.DeadLetters(t.Context(), p.tenant, 5, 0)
		if err != nil || total != 1 || list[0].Lead != last {
			t.Fatalf("dead letters: got %+v, %d, %v, want one of the last lead", list, total, err)
		}
		if err := replay(s, p, list[0].ID); err != nil {
			t.Errorf("ReplayDead: %v", err)
		}
	})
}
