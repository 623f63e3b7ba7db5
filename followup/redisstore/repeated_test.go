package redisstore

import (
	"context"
	"errors"
	"testing"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// TestI1RepeatedMergeWrites: the first process may have died because replicas did not confirm the
// tombstone. The process that goes on with the merge asks as another request, on another
// connection. It must write something to the loser, or WAIT would ask for nothing.
func TestI1RepeatedMergeWrites(t *testing.T) {
	t.Parallel()
	ctx, p, server := t.Context(), newParty(), redistest.Start(t)
	dying, client := server.Client(), server.Client()
	s := openStore(t, Params{Client: client})
	both := followup.Identity{Phone: "15550100001", UserID: "US.1"}
	p.talking(t, s, followup.Identity{Phone: both.Phone}, followup.Identity{UserID: both.UserID})
	dying.AddHook(crashBefore(mergeInScript))
	if _, err := openStore(t, Params{Client: dying}).Resolve(ctx, p.tenant, both, true, epoch); !errors.Is(err, errCrash) {
		t.Fatalf("Resolve: got %v, want the crash", err)
	}
	wrote := 0
	client.AddHook(&onScript{mergeOutScript, func(_ context.Context, call func() error) error {
		before := changesOf(ctx, client)
		err := call()
		wrote += changesOf(ctx, client) - before
		return err
	}})
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
	ordinary := s.newToken
	start := func() followup.RunID {
		t.Helper()
		s.newToken = func() string { return "by hand" }
		defer func() { s.newToken = ordinary }()
		return p.start(t, s, lead, "c")
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
