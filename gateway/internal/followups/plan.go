package followups

import (
	"context"
	"errors"
	"fmt"

	"wagate/followup"
)

// Plan returns the run that the lead's status, which has just changed, starts, or nil if it starts
// none. The run's ladder has been saved when Plan returns, so a run never refers to a ladder that
// does not exist.
func (s *Service) Plan(ctx context.Context, lead followup.Lead) (*followup.Arm, error) {
	a, ok := followup.AssistantOf(lead, s.tenant(lead.Tenant))
	if !ok {
		return nil, nil //nolint:nilnil // starting no run is a valid plan
	}
	return s.planFor(ctx, lead, a)
}

// planFor returns the run that the lead's status starts under the assistant's config, or nil if it
// starts none. It saves the run's ladder.
func (s *Service) planFor(ctx context.Context, lead followup.Lead, a followup.AssistantID) (*followup.Arm, error) {
	c, err := s.store.ConfigByAssistant(ctx, lead.Tenant, a)
	if errors.Is(err, followup.ErrNotFound) {
		return nil, nil //nolint:nilnil // as above
	}
	if err != nil {
		return nil, fmt.Errorf("read config: %w", err)
	}
	plan, no := followup.PlanRun(lead, s.tenant(lead.Tenant), c)
	if no != "" {
		return nil, nil //nolint:nilnil // as above
	}
	return s.saveLadder(ctx, lead.Tenant, plan)
}

// saveLadder saves the plan's ladder and returns what to arm.
func (s *Service) saveLadder(ctx context.Context, tenant followup.TenantID, p followup.Plan) (*followup.Arm, error) {
	if err := s.store.SaveLadder(ctx, tenant, p.Arm.Ladder, p.Ladder); err != nil {
		return nil, fmt.Errorf("save ladder: %w", err)
	}
	return &p.Arm, nil
}

// Rearm starts the runs that waited for the business to speak again after a reply, one for each of
// the assistants, which a settlement or a guard has named. The store decides whether a rearm is
// still waiting. Whether there is to be one at all is up to the assistant's current config, which
// may be another than that of the run that the lead answered. For a lead that was erased or merged
// since, Rearm does nothing.
func (s *Service) Rearm(ctx context.Context, tenant followup.TenantID, lead followup.LeadID, assistants []followup.AssistantID) error {
	if len(assistants) == 0 {
		return nil
	}
	l, err := s.store.Lead(ctx, tenant, lead)
	if errors.Is(err, followup.ErrNotFound) || errors.Is(err, followup.ErrLeadMoved) {
		return nil // erased or merged since: no rearm waits
	}
	if err != nil {
		return fmt.Errorf("rearm: %w", err)
	}
	for _, a := range assistants {
		arm, err := s.planFor(ctx, l, a)
		if err != nil {
			return fmt.Errorf("rearm: %w", err)
		}
		if arm == nil || !arm.RearmOnReply {
			continue
		}
		if _, err := s.start(ctx, tenant, lead, *arm, true); err != nil {
			return fmt.Errorf("rearm: %w", err)
		}
	}
	return nil
}

// start starts a run and counts the runs that it ended. The id is empty if no run was started.
func (s *Service) start(ctx context.Context, tenant followup.TenantID, lead followup.LeadID, a followup.Arm, rearm bool) (followup.RunID, error) {
	run, ended, err := s.store.Start(ctx, tenant, lead, a, rearm, s.now(), s.real())
	if err != nil {
		return "", err
	}
	s.ended(ended)
	if run != "" {
		s.armed()
	}
	return run, nil
}
