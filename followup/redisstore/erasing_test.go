package redisstore

import (
	"errors"
	"fmt"
	"testing"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// TestI11ErasureReachesANameGivenToATombstone gives a lead another user id while a merge points its
// identities to the winner, and the process that gives the user id dies. The user id never comes
// again, and an erasure of the winner must still remove it.
func TestI11ErasureReachesANameGivenToATombstone(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client()
	s, merging := openStore(t, Params{Client: server.Client()}), openStore(t, Params{Client: client})
	h := newHalves(t, s)
	third := h.addThird(t, s)
	mustResolve(t, s, h.party, followup.Identity{UserID: bothHalves.UserID, ExternalID: "crm-1"}, epoch)
	client.AddHook(meanwhile(realiasScript, func() {
		dying := server.Client()
		dying.AddHook(crashBefore(nameScript))
		who := followup.Identity{UserID: "US.9", OldUserID: bothHalves.UserID}
		if _, err := openStore(t, Params{Client: dying}).Resolve(t.Context(), h.tenant, who, true, epoch); !errors.Is(err, errCrash) {
			t.Errorf("Resolve: got %v, want the crash", err)
		}
	}))
	mustResolve(t, merging, h.party, bothHalves, epoch)
	h.erase(t, s, h.older)
	h.wantNobody(t, s)
	h.wantNothing(t, s, third)
}

// TestI11ErasureOfALeadThatIsMergedMeanwhile erases a lead, and before one of the erasure's scripts
// another process finds out that the lead and an older one are the same. Either the lead is erased,
// and the older one takes over nothing of it; or the merge came first, and the erasure answers that
// there is no such lead.
func TestI11ErasureOfALeadThatIsMergedMeanwhile(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, row := range map[string]struct {
		script *script
		want   error
	}{
		"before it begins":                    {barScript, followup.ErrNotFound},
		"before its run is ended":             {endScript, nil},
		"before its identities are removed":   {realiasScript, nil},
		"before it becomes a tombstone":       {eraseScript, nil},
		"before its dead letters are removed": {dropScript, nil},
	} {
		for _, dies := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, eraser dies %t", name, dies), func(t *testing.T) {
				client := server.Client()
				s, erasing := openStore(t, Params{Client: server.Client()}), openStore(t, Params{Client: client})
				h := newHalves(t, s)
				client.AddHook(meanwhile(row.script, func() {
					if got := mustResolve(t, s, h.party, bothHalves, epoch); got != h.older {
						t.Errorf("Resolve: got %s, want the older lead", got)
					}
				}))
				want := row.want
				if dies {
					want = errCrash
					client.AddHook(crashBefore(row.script))
				}
				if err := erasing.EraseLead(t.Context(), h.tenant, h.younger, epoch); !errors.Is(err, want) {
					t.Errorf("EraseLead: got %v, want %v", err, want)
				}
				if dies { // the caller asks again
					if err := s.EraseLead(t.Context(), h.tenant, h.younger, epoch); !errors.Is(err, followup.ErrNotFound) {
						t.Errorf("EraseLead again: got %v, want ErrNotFound", err)
					}
				}
				entries, err := s.History(t.Context(), h.older, h.channel, epoch)
				if taken := len(entries) == 1; err != nil || taken != (row.want != nil) {
					t.Errorf("history of the older lead: got %v, %v, want the younger's in it: %t", entries, err, row.want != nil)
				}
				for _, key := range keysOf(t, s, h.younger) {
					if row.want == nil && key != s.tag(h.older).lead(h.older) && key != s.tag(h.younger).lead(h.younger) {
						t.Errorf("left of the erased lead: got %s, want nothing", key)
					}
				}
				for _, who := range []followup.Identity{{Phone: bothHalves.Phone}, {UserID: bothHalves.UserID}} {
					if got := mustResolve(t, s, h.party, who, epoch); got != h.older {
						t.Errorf("Resolve: got %s for %+v, want the older lead", got, who)
					}
				}
				h.erase(t, s, h.older)
				h.wantNobody(t, s)
			})
		}
	}
}
