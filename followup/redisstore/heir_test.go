package redisstore

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// hideHeir is a client hook. While it is set, no answer comes to the question what became of a
// lead.
type hideHeir struct{ atomic.Bool }

func (h *hideHeir) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *hideHeir) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if args := cmd.Args(); cmd.Name() == "hget" && args[2] == "mv" && h.Load() {
			cmd.SetErr(io.EOF)
			return io.EOF
		}
		return next(ctx, cmd)
	}
}

func (h *hideHeir) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// TestI7HeirIsNotGuessed checks that while Redis does not say what became of a lead, a receipt
// about a merged lead's step fails, because an acknowledged receipt would be lost, and the lead is
// not said to be unknown.
func TestI7HeirIsNotGuessed(t *testing.T) {
	t.Parallel()
	ctx, p, client := t.Context(), newParty(), redistest.Start(t).Client()
	s := openStore(t, Params{Client: client})
	winner := mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch.Add(-time.Minute))
	loser := mustResolve(t, s, p, followup.Identity{UserID: "US.1"}, epoch)
	c, attempt := p.sending(t, s, loser)
	mustResolve(t, s, p, followup.Identity{Phone: "15550100001", UserID: "US.1"}, epoch)
	f := sent(c, attempt)
	f.Outcome, f.Reason = followup.Uncertain, followup.NoAnswer
	if _, err := s.FinishStep(ctx, f); err != nil {
		t.Fatal(err)
	}

	var mute hideHeir
	client.AddHook(&mute)
	mute.Store(true)
	if out, err := s.Settle(ctx, p.delivered(winner, attempt)); err == nil {
		t.Errorf("Settle: got %+v, want an error", out)
	}
	s.aliases.forget(winner)
	if _, err := s.Resolve(ctx, p.tenant, followup.Identity{Lead: loser}, false, epoch); err == nil || errors.Is(err, followup.ErrNotFound) {
		t.Errorf("Resolve: got %v, want an error other than ErrNotFound", err)
	}
	mute.Store(false)
	out, err := s.Settle(ctx, p.delivered(winner, attempt))
	if err != nil || len(out.Corrections) != 1 {
		t.Errorf("Settle again: got %+v, %v, want one correction", out, err)
	}
	if got, err := s.Resolve(ctx, p.tenant, followup.Identity{Lead: loser}, false, epoch); got != winner {
		t.Errorf("Resolve again: got %s, %v, want %s", got, err, winner)
	}
}
