package redisstore

import (
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// TestI1BarredLeadMergedElsewhereIsFinished: a lead was kept from being merged into a lead that is
// being erased, and was then half merged into another one. Whoever would merge it into the first
// must finish that merge: otherwise the lead would stand in the way until somebody else met it.
func TestI1BarredLeadMergedElsewhereIsFinished(t *testing.T) {
	t.Parallel()
	ctx, p, server := t.Context(), newParty(), redistest.Start(t)
	s := openStore(t, Params{Client: server.Client()})
	both := followup.Identity{Phone: "15550100001", UserID: "US.1"}
	going := mustResolve(t, s, p, followup.Identity{ExternalID: "x"}, epoch.Add(-2*time.Minute))
	winner := mustResolve(t, s, p, followup.Identity{Phone: both.Phone}, epoch.Add(-time.Minute))
	loser := mustResolve(t, s, p, followup.Identity{UserID: both.UserID}, epoch)
	settleText(t, s, p, loser, "hi")
	if err := s.bar(ctx, scope{lead: loser, tenant: p.tenant, now: epoch, real: epoch}, going); err != nil {
		t.Fatal(err)
	}
	dieResolving(t, server, mergeInScript, p.tenant, both, epoch)
	if err := s.merge(ctx, p.tenant, going, loser, epoch); err != nil {
		t.Fatal(err)
	}
	if h, err := s.History(ctx, winner, p.channel, epoch); err != nil || len(h) != 1 {
		t.Errorf("history of the winner: got %v, %v, want the loser's message", h, err)
	}
}
