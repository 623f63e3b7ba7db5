package redisstore

import (
	"errors"
	"slices"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// halves are two leads that a process found to be one. The process may have died during the merge.
type halves struct {
	party
	older, younger followup.LeadID
}

var bothHalves = followup.Identity{Phone: "15550100001", UserID: "US.1"}

// newHalves makes two leads. The younger, which a merge makes the loser, has something of
// everything, and nothing waits in its queue.
func newHalves(t *testing.T, s *Store) halves {
	t.Helper()
	h := halves{party: newParty()}
	h.older = mustResolve(t, s, h.party, followup.Identity{Phone: bothHalves.Phone}, epoch.Add(-time.Hour))
	h.younger = livedLead(t, s, h.party, followup.Identity{UserID: bothHalves.UserID})
	deliverAll(t, s)
	return h
}

// addThird makes a third lead, the youngest, that has said something.
func (h halves) addThird(t *testing.T, s *Store) followup.LeadID {
	t.Helper()
	third := mustResolve(t, s, h.party, followup.Identity{ExternalID: "crm-1"}, epoch.Add(time.Minute))
	settleText(t, s, h.party, third, "m-third")
	return third
}

// dieBefore has a process find out that the two leads are one, and die before the script.
func (h halves) dieBefore(t *testing.T, server *redistest.Server, script *script) {
	t.Helper()
	dieResolving(t, server, script, h.tenant, bothHalves, epoch)
}

// wantNothing fails the test if Redis holds anything of the lead but its tombstone.
func (h halves) wantNothing(t *testing.T, s *Store, lead followup.LeadID) {
	t.Helper()
	key := s.tag(lead).lead(lead)
	if got := keysOf(t, s, lead); !slices.Equal(got, []string{key}) {
		t.Errorf("keys of an erased lead: got %q, want only its tombstone", got)
	}
	if got := s.db.HGetAll(t.Context(), key).Val(); len(got) != 3 || got["mv"] != erased {
		t.Errorf("tombstone: got %v, want only its three fields", got)
	}
}

// wantNobody checks that for both leads, and that the tenant's maps hold nobody.
func (h halves) wantNobody(t *testing.T, s *Store) {
	t.Helper()
	for _, lead := range []followup.LeadID{h.older, h.younger} {
		h.wantNothing(t, s, lead)
	}
	if got := s.db.HGetAll(t.Context(), aliasesKey(h.tenant)).Val(); len(got) != 0 {
		t.Errorf("identities: got %v, want none", got)
	}
	if _, n, err := s.Leads(t.Context(), h.tenant, followup.LeadFilter{}); err != nil || n != 0 {
		t.Errorf("leads: got %d, %v, want none", n, err)
	}
	checkBacklog(t, s)
	checkStepIndex(t, s)
}

func (h halves) erase(t *testing.T, s *Store, lead followup.LeadID) {
	t.Helper()
	if err := s.EraseLead(t.Context(), h.tenant, lead, epoch); err != nil {
		t.Errorf("EraseLead: got %v, want no error", err)
	}
}

// scriptsAfterTombstone are the scripts that a merge calls after the loser has become a tombstone.
var scriptsAfterTombstone = before(mergeInScript, realiasScript, eraseScript)

// TestI11ErasureReachesAnInterruptedMerge kills a merge before each of its later scripts and then
// erases the winner. Nothing may be left of either lead, although nobody comes any more who would
// finish the merge.
func TestI11ErasureReachesAnInterruptedMerge(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, script := range scriptsAfterTombstone {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, Params{Client: server.Client()})
			h := newHalves(t, s)
			h.dieBefore(t, server, script)
			h.erase(t, s, h.older)
			h.wantNobody(t, s)
		})
	}
}

// TestInterruptedMergeListsOneLead kills a merge before each of its later scripts. Every list must
// show only the winner, whatever it filters by.
func TestInterruptedMergeListsOneLead(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, script := range scriptsAfterTombstone {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, Params{Client: server.Client()})
			h := newHalves(t, s)
			for _, lead := range []followup.LeadID{h.older, h.younger} {
				l, err := s.Lead(t.Context(), h.tenant, lead)
				if err != nil {
					t.Fatal(err)
				}
				l.Name, l.StatusID = "Ana", "s"
				if _, err := s.PutLead(t.Context(), followup.PutLead{Lead: l, Now: epoch, Real: epoch}); err != nil {
					t.Fatal(err)
				}
			}
			h.dieBefore(t, server, script)
			for _, f := range []followup.LeadFilter{{Limit: 10}, {Limit: 10, Name: "ana"}, {Limit: 10, StatusID: "s"}} {
				all, n, err := s.Leads(t.Context(), h.tenant, f)
				if err != nil || len(all) != 1 || all[0].ID != h.older || n != 1 && f != (followup.LeadFilter{Limit: 10}) {
					t.Errorf("leads by %+v: got %v of %d, %v, want only %s", f, all, n, err, h.older)
				}
			}
		})
	}
}

// TestI11ErasureReachesAMergeThatBegins has a merge begin, and die half way, when the erasure of
// its winner is about to remove the winner's identities.
func TestI11ErasureReachesAMergeThatBegins(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client()
	s, erasing := openStore(t, Params{Client: server.Client()}), openStore(t, Params{Client: client})
	h := newHalves(t, s)
	client.AddHook(meanwhile(realiasScript, func() { h.dieBefore(t, server, mergeInScript) }))
	h.erase(t, erasing, h.older)
	h.wantNobody(t, s)
}

// TestI11ErasureReachesANewIdentity gives the lead another user id when its erasure is about to
// remove the lead's identities. The user id never comes again, and must be removed too.
func TestI11ErasureReachesANewIdentity(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client()
	s, erasing := openStore(t, Params{Client: server.Client()}), openStore(t, Params{Client: client})
	p := newParty()
	lead := mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch)
	client.AddHook(meanwhile(realiasScript, func() {
		mustResolve(t, s, p, followup.Identity{Phone: "15550100001", UserID: "US.9"}, epoch)
	}))
	if err := erasing.EraseLead(t.Context(), p.tenant, lead, epoch); err != nil {
		t.Errorf("EraseLead: got %v, want no error", err)
	}
	if got := s.db.HGetAll(t.Context(), aliasesKey(p.tenant)).Val(); len(got) != 0 {
		t.Errorf("identities: got %v, want none", got)
	}
	if got := keysOf(t, s, lead); !slices.Equal(got, []string{s.tag(lead).lead(lead)}) {
		t.Errorf("keys of an erased lead: got %q, want only its tombstone", got)
	}
}

// TestI11ErasureReachesEarlierLosers erases the winner of an interrupted merge whose loser had another
// lead merged into it before, wholly or half.
func TestI11ErasureReachesEarlierLosers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, dies := range map[string]bool{"merged": false, "half merged": true} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, Params{Client: server.Client()})
			h := newHalves(t, s)
			third := h.addThird(t, s)
			client := server.Client()
			if dies {
				client.AddHook(crashBefore(mergeInScript))
			}
			_, err := openStore(t, Params{Client: client}).Resolve(t.Context(), h.tenant,
				followup.Identity{UserID: bothHalves.UserID, ExternalID: "crm-1"}, true, epoch)
			if errors.Is(err, errCrash) != dies {
				t.Fatalf("Resolve: got %v, want the crash: %t", err, dies)
			}
			h.dieBefore(t, server, mergeInScript)
			h.erase(t, s, h.older)
			h.wantNobody(t, s)
			h.wantNothing(t, s, third)
		})
	}
}

// TestI1MergeIntoALeadBeingErased erases the winner before the merge has made the loser a
// tombstone. The loser must be left alone and must not be merged any more, as it would be lost.
func TestI1MergeIntoALeadBeingErased(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, erased := range map[string]func(t *testing.T, s *Store, h halves){
		"after the merging process has died": func(t *testing.T, s *Store, h halves) {
			h.dieBefore(t, server, mergeOutScript)
			h.erase(t, s, h.older)
		},
		"during the merge, which dies later": func(t *testing.T, s *Store, h halves) {
			client := server.Client()
			client.AddHook(meanwhile(mergeOutScript, func() { h.erase(t, s, h.older) }))
			client.AddHook(crashBefore(mergeInScript))
			mustResolve(t, openStore(t, Params{Client: client}), h.party, bothHalves, epoch)
		},
		"before the merge begins": func(t *testing.T, s *Store, h halves) {
			client := server.Client()
			client.AddHook(meanwhile(expectScript, func() { h.erase(t, s, h.older) }))
			client.AddHook(crashBefore(mergeInScript))
			mustResolve(t, openStore(t, Params{Client: client}), h.party, bothHalves, epoch)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, Params{Client: server.Client()})
			h := newHalves(t, s)
			erased(t, s, h)
			for _, key := range keysOf(t, s, h.older) {
				if key != s.tag(h.older).lead(h.older) && key != s.tag(h.younger).lead(h.younger) {
					t.Errorf("left of the erased lead: got %s, want nothing", key)
				}
			}
			after := openStore(t, Params{Client: server.Client()})
			if got := mustResolve(t, after, h.party, bothHalves, epoch); got != h.younger {
				t.Errorf("Resolve: got %s, want %s, which was not erased", got, h.younger)
			}
			if entries, err := after.History(t.Context(), h.younger, h.channel, epoch); err != nil || len(entries) != 1 {
				t.Errorf("history: got %v, %v, want its one entry", entries, err)
			}
		})
	}
}

// TestI1ErasureSparesALeadMergedElsewhere notes a merge at its winner and stops there. Then the
// loser is merged into a third lead. Erasing the first winner must take nothing of the third lead.
func TestI1ErasureSparesALeadMergedElsewhere(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := openStore(t, Params{Client: server.Client()})
	h := newHalves(t, s)
	h.dieBefore(t, server, mergeOutScript)
	third := mustResolve(t, s, h.party, followup.Identity{ExternalID: "crm-1"}, epoch.Add(-time.Minute))
	if got := mustResolve(t, s, h.party, followup.Identity{UserID: bothHalves.UserID, ExternalID: "crm-1"}, epoch); got != third {
		t.Fatalf("Resolve: got %s, want the third lead", got)
	}
	h.erase(t, s, h.older)
	if _, err := s.Run(t.Context(), h.tenant, h.younger.Run(1)); err != nil {
		t.Errorf("Run: got %v, want it still there", err)
	}
	if got := mustResolve(t, s, h.party, followup.Identity{UserID: bothHalves.UserID}, epoch); got != third {
		t.Errorf("Resolve: got %s, want the third lead", got)
	}
}

// TestI1InterruptedMergeIsHandedOn stops a merge before its winner has taken the loser in, and then
// merges that winner into an older lead. The older lead must take in both.
func TestI1InterruptedMergeIsHandedOn(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := openStore(t, Params{Client: server.Client()})
	h := newHalves(t, s)
	h.addThird(t, s)
	dieResolving(t, server, mergeInScript, h.tenant, followup.Identity{UserID: bothHalves.UserID, ExternalID: "crm-1"}, epoch)
	after := openStore(t, Params{Client: server.Client()})
	mustResolve(t, after, h.party, bothHalves, epoch)
	if got := mustResolve(t, after, h.party, followup.Identity{ExternalID: "crm-1"}, epoch); got != h.older {
		t.Errorf("Resolve: got %s, want the oldest lead", got)
	}
	if entries, err := s.History(t.Context(), h.older, h.channel, epoch); err != nil || len(entries) != 2 {
		t.Errorf("history: got %v, %v, want the entries of both", entries, err)
	}
	h.erase(t, s, h.older)
	h.wantNobody(t, s)
}
