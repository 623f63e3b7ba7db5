package leads

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"wagate/followup"
)

// live returns the lead's runs that a write may end.
func (s *Service) live(ctx context.Context, l followup.Lead) ([]followup.RunID, error) {
	runs, err := s.store.Runs(ctx, l.Tenant, l.ID)
	if errors.Is(err, followup.ErrNotFound) { // a fresh record has none
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	var ids []followup.RunID
	for _, r := range runs {
		if r.State != followup.RunEnded {
			ids = append(ids, r.ID)
		}
	}
	return ids, nil
}

// byWrite are the reasons for which writing a lead ends runs.
var byWrite = []followup.Reason{followup.StatusLeft, followup.Restarted, followup.OptedOut}

// countEnded counts the runs that a write of the lead ended. The store's answer
// does not name them, so they are looked at again: one that ended for another
// reason was counted by whoever ended it, one that is still sending will be
// counted with its own outcome. A counter is not worth failing a write that
// was made, so an error is logged.
func (s *Service) countEnded(ctx context.Context, tenant followup.TenantID, live []followup.RunID) {
	for _, id := range live {
		r, err := s.store.Run(ctx, tenant, id)
		if err != nil {
			s.log.WarnContext(ctx, "ended run not counted", "run_id", id, "err", err)
			continue
		}
		if r.State == followup.RunEnded && slices.Contains(byWrite, r.Reason) {
			s.metrics.Step(followup.KindNone, followup.Cancelled, r.Reason)
		}
	}
}
