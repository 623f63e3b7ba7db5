package redisstore

import (
	"errors"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// TestCachedIdentityIsNoClaim moves an identity to another lead through another replica. A call
// that gives the identity to a lead must be decided by what Redis holds, and not by what this
// replica remembers.
func TestCachedIdentityIsNoClaim(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s, other := openStore(t, Params{Client: server.Client()}), openStore(t, Params{Client: server.Client()})
	resolve := func(p party, who followup.Identity) (followup.LeadID, error) {
		return s.Resolve(t.Context(), p.tenant, who, false, epoch)
	}
	t.Run("the holder was erased", func(t *testing.T) {
		p := newParty()
		gone := mustResolve(t, s, p, followup.Identity{ExternalID: "e1"}, epoch)
		lead := mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch)
		if err := other.EraseLead(t.Context(), p.tenant, gone, epoch); err != nil {
			t.Fatalf("EraseLead: %v", err)
		}
		if got, err := resolve(p, followup.Identity{Lead: lead, ExternalID: "e1", Sole: true}); err != nil || got != lead {
			t.Errorf("Resolve: got %s, %v, want %s", got, err, lead)
		}
	})
	t.Run("the holder gave it up", func(t *testing.T) {
		p := newParty()
		phone := "15550100002"
		giver := mustResolve(t, s, p, followup.Identity{Phone: phone, UserID: "US.1"}, epoch)
		if got, err := resolve(p, followup.Identity{Phone: phone}); err != nil || got != giver {
			t.Fatalf("Resolve: got %s, %v, want %s", got, err, giver)
		}
		l, err := other.Lead(t.Context(), p.tenant, giver)
		if err != nil {
			t.Fatal(err)
		}
		l.Phone = ""
		if _, err := other.PutLead(t.Context(), followup.PutLead{Lead: l, Now: epoch, Real: epoch}); err != nil {
			t.Fatalf("PutLead: %v", err)
		}
		taker := mustResolve(t, other, p, followup.Identity{Phone: phone, UserID: "US.2"}, epoch.Add(time.Second))
		if got, err := resolve(p, followup.Identity{Lead: giver, Phone: phone, Sole: true}); !errors.Is(err, followup.ErrConflict) {
			t.Errorf("Resolve: got %s, %v, want ErrConflict", got, err)
		}
		if got, err := resolve(p, followup.Identity{Phone: phone}); err != nil || got != taker {
			t.Errorf("Resolve by the phone after that: got %s, %v, want %s", got, err, taker)
		}
	})
}
