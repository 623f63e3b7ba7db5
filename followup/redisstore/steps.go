package redisstore

import (
	"context"
	"fmt"
	"time"

	"wagate/followup"
)

var (
	guardScript   = loadOfLead("guard_step")
	releaseScript = loadOfLead("release")
	extendScript  = loadOfLead("extend")
)

// GuardStep implements followup.StepStore.
func (s *Store) GuardStep(ctx context.Context, g followup.GuardStep) (followup.Verdict, error) {
	run, err := s.runFacts(ctx, g.Run)
	if err != nil || run.Tenant == "" {
		return followup.Verdict{Refusal: followup.RefusedStale}, err
	}
	r, err := s.call(ctx, s.runDurable, guardScript,
		scope{lead: run.Lead, tenant: run.Tenant, now: g.Now, real: g.Real},
		marshal(map[string]any{
			"n": g.Run.N(), "token": g.Token, "to": addresseeOf(g.To), "free": g.FreeForm, "marketing": g.Marketing, "lease": g.Lease.Milliseconds(),
			"kind": g.Kind, "used": g.UsedStep,
		}))
	if v, refused, err := refusal(r, err); refused || err != nil {
		return v, err
	}
	if r.text(0) == "end" {
		ended, err := s.endRun(ctx, run.Tenant, g.Run,
			endRequest{Reason: followup.Reason(r.text(1)), Token: g.Token}, g.Now, g.Real)
		return followup.Verdict{Refusal: followup.RefusedStale, Ended: ended}, err
	}
	attempt := followup.AttemptID(r.text(0))
	return followup.Verdict{
		Attempt: attempt, Opaque: attempt.Opaque(s.partition(run.Lead)), Closes: fromMS(r.int(1)),
	}, nil
}

// ExtendStep implements followup.StepStore.
func (s *Store) ExtendStep(
	ctx context.Context, run followup.RunID, token string, real time.Time, lease time.Duration,
) error {
	facts, err := s.runFacts(ctx, run)
	if err != nil {
		return err
	}
	if facts.Tenant == "" {
		return followup.ErrStale
	}
	r, err := s.call(ctx, s.run, extendScript, scope{lead: facts.Lead, tenant: facts.Tenant, now: real, real: real},
		marshal(map[string]any{"n": run.N(), "token": token, "lease": lease.Milliseconds()}))
	if err != nil {
		return fmt.Errorf("extend lease: %w", err)
	}
	if r.text(0) == "stale" {
		return followup.ErrStale
	}
	return nil
}

// ReleaseStep implements followup.StepStore.
func (s *Store) ReleaseStep(ctx context.Context, f followup.ReleaseStep) error {
	facts, err := s.runFacts(ctx, f.Run)
	if err != nil || facts.Tenant == "" {
		return err
	}
	r, err := s.call(ctx, s.run, releaseScript,
		scope{lead: facts.Lead, tenant: facts.Tenant, now: f.Now, real: f.Real},
		marshal(map[string]any{"n": f.Run.N(), "token": f.Token, "until": ms(f.Until)}))
	if err != nil {
		return fmt.Errorf("release step: %w", err)
	}
	s.onEnded(r.list(0).ended())
	s.forwardIf(ctx, r.text(1) == "1", facts.Tenant, facts.Lead)
	return nil
}
