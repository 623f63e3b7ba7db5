package redisstore

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// afterPipeline is a client hook that calls do once, after the first pipeline that contains the
// named command on the key.
type afterPipeline struct {
	name, key string
	do        func()
}

func (*afterPipeline) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*afterPipeline) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (h *afterPipeline) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			if do := h.do; do != nil && cmd.Name() == h.name && cmd.Args()[1] == h.key {
				h.do = nil
				do()
			}
		}
		return err
	}
}

// TestI6StepIsInABatchOnce has another replica claim a step whose lease has run out and give it
// back, while a claim reads its candidates. The claim sees the step twice, as lapsed and as due,
// and must return it once.
func TestI6StepIsInABatchOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		run := p.makeDueIn(t, s, 0, epoch)
		claimStep(t, s)
		p.makeDueIn(t, s, 0, epoch)
		later := followup.ClaimParams{Now: epoch, Real: epoch.Add(time.Minute), Limit: 1, Lease: time.Minute}
		s.db.AddHook(&afterPipeline{"zrangebyscore", s.tag(run.Lead()).stepsLeases(), func() {
			other := later
			other.Limit = 1
			b, err := s.Claim(t.Context(), other)
			if err != nil || len(b.Steps) != 1 {
				t.Errorf("the other claim: got %d steps, %v, want 1", len(b.Steps), err)
				return
			}
			if err := s.ReleaseStep(t.Context(), followup.ReleaseStep{Run: run, Token: b.Steps[0].Token, Now: epoch, Real: epoch}); err != nil {
				t.Error(err)
			}
		}})
		later.Limit = 10
		b, err := s.Claim(t.Context(), later)
		if err != nil || len(b.Steps) != 2 || len(claimedRuns(b)) != 2 {
			t.Errorf("Claim: got %d steps of %d runs, %v, want 2 steps of 2 runs", len(b.Steps), len(claimedRuns(b)), err)
		}
	})
}

// makeDueIn makes a step of the tenant due at that instant, in that partition.
func (p party) makeDueIn(t *testing.T, s *Store, partition int, at time.Time) followup.RunID {
	t.Helper()
	lead := followup.NewLeadID()
	for s.partition(lead) != partition {
		lead = followup.NewLeadID()
	}
	run, err := s.PutLead(t.Context(), followup.PutLead{
		Lead: followup.Lead{ID: lead, Tenant: p.tenant, StatusID: "s"}, StatusChanged: true, Now: at, Real: at,
		Arm: &followup.Arm{Config: "c", Assistant: p.assistant, Channel: p.channel, Ladder: "l"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// markNewer makes the run's lead look as if a newer version of the program had written it.
func markNewer(t *testing.T, s *Store, run followup.RunID) {
	t.Helper()
	if err := s.db.HSet(t.Context(), s.tag(run.Lead()).lead(run.Lead()), "v", "2").Err(); err != nil {
		t.Fatal(err)
	}
}

// claimedRuns returns the set of runs in a batch.
func claimedRuns(b followup.Batch) map[followup.RunID]bool {
	got := map[followup.RunID]bool{}
	for _, c := range b.Steps {
		got[c.Run.ID] = true
	}
	return got
}

// TestI9LapsedStepsOfAFullTenantHideNoOthers gives a tenant that has reached its bound, because its
// provider hangs, more lapsed steps than one claim takes. Another tenant's step must still be
// claimed.
func TestI9LapsedStepsOfAFullTenantHideNoOthers(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		noisy, quiet := newParty(), newParty()
		for range 3 {
			noisy.makeDueIn(t, s, 0, epoch)
		}
		want := quiet.makeDueIn(t, s, testPartitions-1, epoch)
		claimSteps(t, s)
		b, err := s.Claim(t.Context(), followup.ClaimParams{
			Now: epoch, Real: epoch.Add(time.Minute), Limit: 2, Lease: time.Minute, PerTenant: 1,
			InHand: map[followup.TenantID]int{noisy.tenant: 1},
		})
		if err != nil || !claimedRuns(b)[want] {
			t.Errorf("Claim: got %d steps, %v, want the one of the other tenant among them", len(b.Steps), err)
		}
	})
}

// TestI7UnreadableLapsedStepsHoldNothingUp checks that lapsed steps that only a newer version can
// read do not hide a step that this version can read.
func TestI7UnreadableLapsedStepsHoldNothingUp(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		for range 2 {
			p.makeDueIn(t, s, 0, epoch)
		}
		for _, c := range claimSteps(t, s).Steps {
			markNewer(t, s, c.Run.ID)
		}
		want := p.makeDueIn(t, s, 1, epoch)
		for _, perTenant := range []int{0, 2} {
			b, err := s.Claim(t.Context(), followup.ClaimParams{
				Now: epoch, Real: epoch.Add(time.Minute), Limit: 2, Lease: time.Minute, PerTenant: perTenant,
			})
			if err != nil || !claimedRuns(b)[want] {
				t.Errorf("tenant bound %d: got %d steps, next in %v, %v, want the readable one", perTenant, len(b.Steps), b.Next, err)
				continue
			}
			if err := s.ReleaseStep(t.Context(), followup.ReleaseStep{Run: want, Token: b.Steps[0].Token, Now: epoch, Real: epoch}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestI7UnreadableDueStepsHoldNothingUp checks the same for due steps, which as the least late ones
// come first.
func TestI7UnreadableDueStepsHoldNothingUp(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		for range 3 {
			markNewer(t, s, p.makeDueIn(t, s, 0, epoch))
		}
		want := p.makeDueIn(t, s, 0, epoch.Add(-time.Minute))
		q := newParty()
		other := q.makeDueIn(t, s, 0, epoch)
		got := map[followup.RunID]bool{}
		for range 6 {
			b, err := s.Claim(t.Context(), followup.ClaimParams{Now: epoch, Real: epoch, Limit: 1, Lease: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			maps.Copy(got, claimedRuns(b))
		}
		if !got[want] || !got[other] {
			t.Errorf("six claims: got %d steps, want the two readable ones", len(got))
		}
	})
}

// TestI7ClaimOfMoreStepsThanLuaUnpacks claims more due steps at once than Lua's unpack can return.
func TestI7ClaimOfMoreStepsThanLuaUnpacks(t *testing.T) {
	t.Parallel()
	s, p := openStore(t, Params{Client: redistest.Start(t).Client()}), newParty()
	const many = 4100
	for range many {
		p.makeDueIn(t, s, 0, epoch)
	}
	for got := 0; got < many; {
		b, err := s.Claim(t.Context(), followup.ClaimParams{Now: epoch, Real: epoch, Limit: many, Lease: time.Minute})
		if got += len(b.Steps); err != nil || len(b.Steps) == 0 || got < many && b.Next != 0 {
			t.Fatalf("Claim: got %d of %d steps so far, next in %v, %v, want more at once", got, many, b.Next, err)
		}
	}
}

// TestI7ClaimWhoseAnswerIsLost loses the answers of more claims than a step may have lapses, and
// each claim comes when the lease of the one before is over. No worker ever had the step, so the
// replica repeats its claim and no lapse counts.
func TestI7ClaimWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		p.step(t, s, "c")
		if err := claimScript.Load(t.Context(), s.db).Err(); err != nil {
			t.Fatal(err)
		}
		const times = 8
		lost := 0
		s.db.AddHook(&onScript{claimScript, func(_ context.Context, call func() error) error {
			err := call()
			if lost++; lost <= times {
				return errCrash
			}
			return err
		}})
		params := followup.ClaimParams{Now: epoch, Real: epoch, Limit: 10, Lease: time.Minute}
		for n := range times {
			params.Real = epoch.Add(time.Duration(n) * time.Minute)
			if b, err := s.Claim(t.Context(), params); err == nil {
				t.Fatalf("claim %d: got %d steps, want an error", n, len(b.Steps))
			}
		}
		b, err := s.Claim(t.Context(), params) // the step is still under its lease
		if err != nil || len(b.Steps) != 1 {
			t.Fatalf("the next claim: got %d steps, next in %v, %v, want the one step whose claims were not answered", len(b.Steps), b.Next, err)
		}
		if got := b.Steps[0].Lapsed; got != 0 {
			t.Errorf("Lapsed: got %d, want 0", got)
		}
	})
}

// TestI7LapsedClaimIsStoredLikeAnyClaim checks that a lapsed claim is stored in the form of any
// claim. A replica of the previous version can read it, and claims the step with the number of
// times that it was put off.
func TestI7LapsedClaimIsStoredLikeAnyClaim(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		run := p.step(t, s, "c")
		params := followup.ClaimParams{Now: epoch, Real: epoch, Limit: 10, Lease: time.Minute}
		var token string
		for range 3 {
			b, err := s.Claim(t.Context(), params)
			if err != nil || len(b.Steps) != 1 {
				t.Fatalf("Claim: got %d steps, %v, want 1", len(b.Steps), err)
			}
			token = b.Steps[0].Token
			params.Real = params.Real.Add(time.Minute)
		}
		got, err := s.db.HMGet(t.Context(), s.tag(run.Lead()).lead(run.Lead()), "r1", "k1").Result()
		if err != nil {
			t.Fatal(err)
		}
		state := strings.Split(fmt.Sprint(got[0]), "|")
		if len(state) != 8 || state[0] != "claimed" || state[5] != "0" {
			t.Errorf("run: got %q, want claimed, eight fields, and 0 tries in the sixth", got[0])
		}
		if want := token + "|||2|"; got[1] != want {
			t.Errorf("claim: got %q, want %q", got[1], want)
		}
	})
}

// TestI6LateClaimLeavesAStepInSending has a claim request arrive after its repetition was answered
// and the step is already in sending. It must change nothing.
func TestI6LateClaimLeavesAStepInSending(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		run := p.step(t, s, "c")
		c := claimStep(t, s)
		guardStep(t, s, c, nil)
		b, _, err := s.claimIn(t.Context(), s.partition(run.Lead()), []candidate{{run: run, tenant: p.tenant}}, c.Token,
			followup.ClaimParams{Now: epoch, Real: epoch, Limit: 1, Lease: time.Minute})
		if err != nil || len(b.Steps) != 0 {
			t.Errorf("late claim: got %d steps, %v, want none", len(b.Steps), err)
		}
		if v := guardStep(t, s, c, nil); v.Refusal != followup.Allowed {
			t.Errorf("guard of the step's next try: got %q, want Allowed", v.Refusal)
		}
	})
}

// TestI9SilentPartitionHidesNoOthers has all steps of a claim lie in a partition that cannot be
// reached. The next look for candidates must find the step of another partition.
func TestI9SilentPartitionHidesNoOthers(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p, q := newParty(), newParty()
		for range 4 {
			p.makeDueIn(t, s, 0, epoch)
		}
		s.db.AddHook(&onScript{claimScript, func(context.Context, func() error) error { return errCrash }})
		params := followup.ClaimParams{Now: epoch, Real: epoch, Limit: 4, Lease: time.Minute}
		if _, err := s.Claim(t.Context(), params); err == nil {
			t.Fatal("Claim: got no error, want one")
		}
		want := q.makeDueIn(t, s, 1, epoch)
		tried := s.claimsOf([]candidate{{run: want, tenant: q.tenant}})[0].partition
		parts, without, err := s.peek(t.Context(), params)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.claimAgain(t.Context(), params, parts, without, map[followup.TenantID]int{}); err == nil {
			t.Error("claimAgain: got no error, want one")
		}
		found, _, _, err := s.candidates(t.Context(), params, parts, map[followup.TenantID]int{})
		if err != nil || len(found) != 1 || found[0].run != want {
			t.Errorf("candidates: got %d, %v, want only the one in partition %d", len(found), err, tried)
		}
	})
}
