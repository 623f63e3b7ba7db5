package redisstore

import (
	"testing"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// TestI1RepeatedMergeWrites: the first process may have died because replicas did not confirm the
// tombstone. The process that goes on with the merge asks as another request, on another
// connection. It must write something to the loser, or WAIT would ask for nothing.
func TestI1RepeatedMergeWrites(t *testing.T) {
	t.Parallel()
	p, server := newParty(), redistest.Start(t)
	client := server.Client()
	s := openStore(t, Params{Client: client})
	both := followup.Identity{Phone: "15550100001", UserID: "US.1"}
	p.talking(t, s, followup.Identity{Phone: both.Phone}, followup.Identity{UserID: both.UserID})
	dieResolving(t, server, mergeInScript, p.tenant, both, epoch)
	wrote := 0
	client.AddHook(countChanges(mergeOutScript, client, &wrote))
	if mustResolve(t, s, p, both, epoch); wrote == 0 {
		t.Error("the loser handed over again: got no changes, want some")
	}
}

// TestI1RepeatedStartWrites: a start by hand is repeated after another request about the lead. It
// answers what it answered before, and must write something, or WAIT would ask for nothing.
func TestI1RepeatedStartWrites(t *testing.T) {
	t.Parallel()
	ctx, p := t.Context(), newParty()
	s := openStore(t, Params{Client: redistest.Start(t).Client()})
	lead := mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch)
	start := func() (run followup.RunID) {
		t.Helper()
		asRequest(s, "by hand", func() { run = p.start(t, s, lead, "c") })
		return run
	}
	first := start()
	settleText(t, s, p, lead, "an answer")
	before := changesOf(ctx, s.db)
	if again := start(); again != first {
		t.Errorf("Start repeated: got %s, want %s again", again, first)
	}
	if wrote := changesOf(ctx, s.db) - before; wrote == 0 {
		t.Error("Start repeated: got no changes, want some")
	}
}
