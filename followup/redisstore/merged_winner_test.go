package redisstore

import (
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// TestI1WinnerWithoutRecordGetsOneByMerge: the process died after the alias map had named the winner
// and before the winner had a record. A lead is then merged into the winner, and whoever does that
// dies, too. Whoever finishes the merge need not tell the winner an identity, so the merge itself
// must give the winner its record.
func TestI1WinnerWithoutRecordGetsOneByMerge(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, last := range before(mergeInScript, realiasScript, eraseScript) {
		t.Run(name, func(t *testing.T) {
			ctx, p := t.Context(), newParty()
			s := openStore(t, Params{Client: server.Client()})
			both := followup.Identity{Phone: "15550100001", UserID: "US.1"}
			dieResolving(t, server, nameScript, p.tenant, followup.Identity{Phone: both.Phone}, epoch.Add(-time.Minute))
			loser := mustResolve(t, s, p, followup.Identity{UserID: both.UserID}, epoch)
			settleText(t, s, p, loser, "hi")
			dieResolving(t, server, last, p.tenant, both, epoch)
			after := openStore(t, Params{Client: server.Client()})
			lead, err := after.Resolve(ctx, p.tenant, followup.Identity{UserID: both.UserID}, false, epoch)
			if err != nil || lead == loser {
				t.Fatalf("Resolve: got %s, %v, want the winner", lead, err)
			}
			if l, err := after.Lead(ctx, p.tenant, lead); err != nil || l.UserID != both.UserID || !l.CreatedAt.Equal(epoch) {
				t.Errorf("Lead: got %+v, %v, want a record made at the merge", l, err)
			}
		})
	}
}
