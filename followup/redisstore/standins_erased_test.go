package redisstore

import (
	"errors"
	"slices"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// TestI11ErasureReachesStandIns erases a lead for whom events had come before the lead existed, and
// again since. Redis must hold nothing of the stand-in, and of the lead only a tombstone.
func TestI11ErasureReachesStandIns(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newStranger()
		p.mustMention(t, s, "dead")
		bury(t, s, claimOne(t, s, epoch), epoch)
		p.mustMention(t, s, "1")
		lead := p.become(t, s)
		if err := s.db.Del(t.Context(), s.tag(p.lead).lead(p.lead)).Err(); err != nil { // as if an hour had passed
			t.Fatal(err)
		}
		p.mustMention(t, s, "2")
		if err := s.EraseLead(t.Context(), p.tenant, lead, epoch); err != nil {
			t.Fatal(err)
		}
		if got := keysOf(t, s, p.lead); len(got) != 0 {
			t.Errorf("left of the stand-in: got %q, want nothing", got)
		}
		if got, want := keysOf(t, s, lead), []string{s.tag(lead).lead(lead)}; !slices.Equal(got, want) {
			t.Errorf("left of the lead: got %q, want only its tombstone", got)
		}
		if _, n, err := s.DeadLetters(t.Context(), p.tenant, 5, 0); err != nil || n != 0 {
			t.Errorf("dead letters: got %d, %v, want none", n, err)
		}
		checkBacklog(t, s)
	})
}

// TestErasedLeadIsStrangerAgain: after an erasure, the pointers that stand-ins of the lead have
// left must turn no event away, wherever the erasure stopped, or a process that had just found the
// lead.
func TestErasedLeadIsStrangerAgain(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	erase := func(t *testing.T, s *Store, p stranger, lead followup.LeadID) {
		t.Helper()
		if err := s.EraseLead(t.Context(), p.tenant, lead, epoch); err != nil {
			t.Errorf("EraseLead: got %v, want none", err)
		}
	}
	next := map[string]func(t *testing.T, p stranger, s *Store){
		"the contact is mentioned": func(t *testing.T, p stranger, s *Store) {
			if _, err := s.Resolve(t.Context(), p.tenant, p.who, false, epoch); !errors.Is(err, followup.ErrNotFound) {
				t.Fatalf("Resolve: got %v, want ErrNotFound", err)
			}
			p.mustMention(t, s, "2")
			if got := deliverOnly(t, s, p.lead); got != "2 " {
				t.Errorf("delivered under the stand-in: got %q, want 2 once", got)
			}
			p.mustMention(t, s, "3")
		},
		"the relay claims": func(t *testing.T, p stranger, s *Store) {
			if got := deliverOnly(t, s, p.lead); got != "" {
				t.Errorf("delivered after the erasure: got %q, want nothing", got)
			}
			p.mustMention(t, s, "3")
		},
		"the contact writes": func(t *testing.T, p stranger, s *Store) {
			lead := p.become(t, s)
			again := p.party
			again.lead = lead
			again.mustSay(t, s, "3", epoch)
		},
	}
	for name, end := range map[string]func(t *testing.T, p stranger, s *Store, lead followup.LeadID){
		"erased": func(t *testing.T, p stranger, s *Store, lead followup.LeadID) { erase(t, s, p, lead) },
		"found during the erasure": func(t *testing.T, p stranger, _ *Store, lead followup.LeadID) {
			client := server.Client()
			client.AddHook(meanwhile(realiasScript, func() { p.become(t, openStore(t, Params{Client: server.Client()})) }))
			erase(t, openStore(t, Params{Client: client}), p, lead)
		},
		"merged first": func(t *testing.T, p stranger, s *Store, _ followup.LeadID) {
			older := mustResolve(t, s, p.party, followup.Identity{UserID: "US.1"}, epoch.Add(-time.Hour))
			mustResolve(t, s, p.party, followup.Identity{Phone: p.who.Phone, UserID: "US.1"}, epoch)
			erase(t, s, p, older)
		},
		"mentioned during the erasure": func(t *testing.T, p stranger, s *Store, lead followup.LeadID) {
			if err := s.db.Del(t.Context(), s.tag(p.lead).lead(p.lead)).Err(); err != nil { // as if an hour had passed
				t.Fatal(err)
			}
			client := server.Client()
			client.AddHook(meanwhile(realiasScript, func() {
				if err := p.mention(t, s, "1"); !errors.Is(err, followup.ErrLeadMoved) {
					t.Errorf("Settle: got %v, want ErrLeadMoved", err)
				}
				wantTTL(t, s, s.tag(p.lead).lead(p.lead), time.Hour)
			}))
			erase(t, openStore(t, Params{Client: client}), p, lead)
			if got := keysOf(t, s, p.lead); len(got) != 0 {
				t.Errorf("left of the stand-in: got %q, want nothing", got)
			}
		},
		"erased after an interrupted import": func(t *testing.T, p stranger, s *Store, lead followup.LeadID) {
			if err := s.db.Del(t.Context(), s.tag(p.lead).lead(p.lead)).Err(); err != nil { // as if an hour had passed
				t.Fatal(err)
			}
			p.mustMention(t, s, "1")
			client := server.Client()
			client.AddHook(crashBefore(mergeInScript))
			_, _ = openStore(t, Params{Client: client}).Resolve(t.Context(), p.tenant, p.who, true, epoch)
			if got := s.db.HGet(t.Context(), s.tag(p.lead).lead(p.lead), "pu").Val(); got != "" {
				t.Fatalf("import: got it finished, want it interrupted")
			}
			// Erase the lead without its stand-in, like a process that had read the identities before.
			sc := scope{lead: lead, tenant: p.tenant, now: epoch, real: epoch}
			if err := s.pointNames(t.Context(), p.tenant, lead, "", []string{"p:" + p.who.Phone}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.erase(t.Context(), sc, eraseRequest{}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		for then, follow := range next {
			t.Run(name+", then "+then, func(t *testing.T) {
				p := newStranger()
				s := openStore(t, Params{Client: server.Client()})
				lead := p.become(t, s)
				p.wantPointer(t, s, lead)
				end(t, p, s, lead)
				after := openStore(t, Params{Client: server.Client()})
				follow(t, p, after)
				again := p.become(t, after)
				if got := deliverOnly(t, after, again); got != "3 " {
					t.Errorf("delivered of the new lead: got %q, want 3 once", got)
				}
				p.wantPointer(t, after, again)
				checkBacklog(t, after)
			})
		}
	}
}

// TestLateEraseClearsNothing: a process may be late to clear a stand-in that it has imported, or
// that it found to point to an erased lead. It must leave alone what has come under the stand-in
// since.
func TestLateEraseClearsNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newStranger()
		p.mustMention(t, s, "1")
		for name, req := range map[string]eraseRequest{
			"imported before":                 {Keep: true, To: followup.NewLeadID(), As: []string{"b", "another merge"}},
			"pointed to an erased lead":       {As: []string{"mv", string(followup.NewLeadID())}},
			"imported by a lead that is gone": {Keep: true, To: followup.NewLeadID()},
		} {
			if _, err := s.erase(t.Context(), scope{lead: p.lead, tenant: p.tenant, now: epoch, real: epoch}, req); err != nil {
				t.Errorf("%s: got %v, want none", name, err)
			}
		}
		if got := deliverOnly(t, s, p.lead); got != "1 " {
			t.Errorf("delivered: got %q, want 1 once", got)
		}
	})
}
