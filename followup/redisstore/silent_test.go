package redisstore

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// TestI13HangingMasterHoldsUpNoOther stops one master, whose place no replica takes. Meanwhile the
// steps of the other masters must be claimed and allowed to be sent, also those whose lease is
// over, and their deliveries must be claimed. The steps and deliveries of the stopped master must
// come once it goes on. Each must come once.
func TestI13HangingMasterHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 0)
	db := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: c.Addrs(), ContextTimeoutEnabled: true, DisableIdentity: true,
		ReadTimeout: time.Hour, // without a deadline of the store it would wait as long as the master hangs
	})
	t.Cleanup(func() { _ = db.Close() })
	var log bytes.Buffer
	s := openStore(t, Params{Client: db, Partitions: 64, Logger: slog.New(slog.NewTextHandler(&log, nil))})

	hangs := c.Nodes[0]
	of := map[bool]int{} // how many leads there are, by whether their node hangs
	theirs := map[followup.RunID]bool{}
	lapsed := 0
	for i := range 120 {
		p := newParty()
		run := p.step(t, s, "c")
		key := s.tag(run.Lead()).lead(run.Lead())
		theirs[run] = c.Owner(c.Slot(key)) == hangs
		of[theirs[run]]++
		if i == 59 { // these are claimed by a worker that dies
			lapsed = len(claimSteps(t, s).Steps)
		}
	}
	if of[true] == 0 || of[false] == 0 || lapsed == 0 {
		t.Fatalf("got leads %v, %d claimed, want some on either side and some claimed", of, lapsed)
	}

	s.patience = usualPatience
	hangs.Freeze()
	params := followup.ClaimParams{Now: epoch, Real: epoch.Add(time.Hour), Limit: 50, Lease: 10 * time.Hour}
	got := map[followup.RunID]int{}
	claim := func(ctx context.Context) followup.Batch {
		t.Helper()
		b, err := s.Claim(ctx, params)
		for timedOut(ctx, err) {
			b, err = s.Claim(ctx, params)
		}
		if err != nil {
			t.Fatalf("Claim: got %v with %d steps, want the steps of the other masters", err, len(got))
		}
		return b
	}
	ctx, cancel := context.WithTimeout(t.Context(), maxWait)
	defer cancel()
	collect := func(want int) {
		t.Helper()
		for len(got) < want {
			b := claim(ctx)
			if b.Wait(1) > heldBack {
				t.Fatalf("Claim: got next in %v, want it soon, as a master did not answer", b.Wait(1))
			}
			for _, step := range b.Steps {
				got[step.Run.ID]++
				v, err := s.GuardStep(ctx, followup.GuardStep{
					Run: step.Run.ID, Token: step.Token, Kind: followup.KindTemplate, Now: epoch, Real: params.Real, Lease: 10 * time.Hour,
				})
				if err != nil || v.Refusal != followup.Allowed {
					t.Errorf("guard: got %q, %v, want it allowed", v.Refusal, err)
				}
			}
		}
	}
	collect(of[false])
	for run, n := range got {
		if n != 1 || theirs[run] {
			t.Errorf("got a step %d times, on the node that hangs: %v, want 1, false", n, theirs[run])
		}
	}
	if b := claim(ctx); len(b.Steps) != 0 || b.Wait(1) > heldBack {
		t.Errorf("Claim when none is left: got %d steps, next in %v, want none, and next soon", len(b.Steps), b.Wait(1))
	}
	told := map[followup.LeadID]int{}
	collectTold := func(want int) {
		t.Helper()
		for len(told) < want {
			ds, next, err := s.ClaimDeliveries(ctx, followup.ClaimDeliveries{
				Real: params.Real, Limit: 50, MaxEvents: 10, Lease: 10 * time.Hour,
			})
			if timedOut(ctx, err) {
				continue
			}
			if err != nil || next > heldBack && len(told)+len(ds) < len(theirs) {
				t.Fatalf("ClaimDeliveries: got next in %v, %v with %d of %d deliveries", next, err, len(told), want)
			}
			for _, d := range ds {
				told[d.Lead]++
			}
		}
	}
	collectTold(of[false])
	if !strings.Contains(log.String(), "could not be claimed in time") {
		t.Errorf("log: got %s, want a line about the master", &log)
	}

	hangs.Thaw()
	for len(got) < of[true]+of[false] {
		for _, step := range claim(ctx).Steps {
			got[step.Run.ID]++
		}
	}
	collectTold(len(theirs))
	for run, n := range got {
		if n != 1 || told[run.Lead()] != 1 {
			t.Errorf("got a step %d times and its delivery %d times, on the node that hung: %v, want each once", n, told[run.Lead()], theirs[run])
		}
	}
	if b := claim(ctx); len(b.Steps) != 0 {
		t.Errorf("Claim in the end: got %d steps, want none", len(b.Steps))
	}
}
