package followups

import (
	"context"
	"errors"
	"fmt"

	"wagate/followup"
)

// Plan returns the run that the lead's status, which has just changed, starts;
// nil if none. Its ladder is saved when Plan returns, so that a run never
// refers to a ladder that is not there.
func (s *Service) Plan(ctx context.Context, lead followup.Lead) (*followup.Arm, error) {
	a, ok := followup.AssistantOf(lead, s.tenant(lead.Tenant))
	if !ok {
		return nil, nil //nolint:nilnil // no run is a plan like any other
	}
	return s.planFor(ctx, lead, a)
}

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
	return s.keep(ctx, lead.Tenant, plan)
}

// keep saves the plan's ladder.
func (s *Service) keep(ctx context.Context, tenant followup.TenantID, p followup.Plan) (*followup.Arm, error) {
	if err := s.store.SaveLadder(ctx, tenant, p.Arm.Ladder, p.Ladder); err != nil {
		return nil, fmt.Errorf("save ladder: %w", err)
	}
	return &p.Arm, nil
}

// Rearm starts the runs that waited for the business to speak again after a
// reply, one per assistant that a settlement or a guard named. The store decides
// whether a rearm still waits, and the config of now whether there is to be one: it may be
// another than that of the run which the lead answered.
func (s *Service) Rearm(ctx context.Context, tenant followup.TenantID, lead followup.LeadID, assistants []followup.AssistantID) error {
	if len(assistants) == 0 {
		return nil
	}
	l, err := s.store.Lead(ctx, tenant, lead)
	if errors.Is(err, followup.ErrNotFound) || errors.Is(err, followup.ErrLeadMoved) {
		return nil // erased or merged since; nothing of it waits
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

// start starts a run and counts those it ended. The id is empty if none was started.
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
