package leads

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"wagate/followup"
	"wagate/followup/poll"
	"wagate/gateway/internal/fault"
)

// The bounds of the optimistic loop. Writers inside one process queue up, so conflicts come from
// other replicas and from inbound messages that fill in a lead's record.
const (
	maxTries  = 40
	firstWait = 2 * time.Millisecond
	maxWait   = 100 * time.Millisecond
)

// draft is a lead as it is to be written.
type draft struct {
	lead followup.Lead
	// window is the instant from which the window of the lead's channel is open; zero leaves the
	// window alone.
	window time.Time
}

// edit computes the draft from the lead's current record. It is called again after a conflict, and
// must not keep state between calls.
type edit func(old followup.Lead) (draft, error)

// write applies e to the lead's current record and writes the result. After a conflict it tries
// again, up to maxTries times in all. It returns the lead as it is after the write.
func (s *Service) write(ctx context.Context, tenant followup.TenantID, id followup.LeadID, e edit) (followup.Lead, error) {
	leave, err := s.queue.enter(ctx, string(id))
	if err != nil {
		return followup.Lead{}, fmt.Errorf("wait to write lead: %w", err)
	}
	defer leave()
	wait := firstWait
	for try := 1; ; try++ {
		err := s.writeOnce(ctx, tenant, id, e)
		if err == nil {
			return s.load(ctx, tenant, id)
		}
		if !errors.Is(err, followup.ErrConflict) || try == maxTries {
			return followup.Lead{}, err
		}
		if err := poll.Sleep(ctx, s.jitter(wait)); err != nil {
			return followup.Lead{}, fmt.Errorf("wait to write lead again: %w", err)
		}
		wait = min(2*wait, maxWait)
	}
}

func (s *Service) writeOnce(ctx context.Context, tenant followup.TenantID, id followup.LeadID, e edit) error {
	old, err := s.load(ctx, tenant, id)
	if err != nil {
		return err
	}
	d, err := e(old)
	if err != nil {
		return err
	}
	if d.window.IsZero() && reflect.DeepEqual(old, d.lead) {
		return nil
	}
	if err := s.link(ctx, old, d.lead); err != nil {
		return err
	}
	put := followup.PutLead{
		Lead: d.lead, StatusChanged: d.lead.StatusID != old.StatusID,
		WindowFrom: d.window, Now: s.now(), Real: s.real(),
	}
	if put.StatusChanged && d.lead.StatusID != "" {
		if put.Arm, err = s.planner.Plan(ctx, d.lead); err != nil {
			return fmt.Errorf("plan run: %w", err)
		}
	}
	run, err := s.store.PutLead(ctx, put)
	if err != nil {
		return fmt.Errorf("put lead: %w", err)
	}
	if run != "" {
		s.armed()
	}
	return nil
}

// load returns the lead, or a NotFound fault if it is not the tenant's, was erased, or was merged
// into another.
func (s *Service) load(ctx context.Context, tenant followup.TenantID, id followup.LeadID) (followup.Lead, error) {
	l, err := s.store.Lead(ctx, tenant, id)
	if errors.Is(err, followup.ErrNotFound) || errors.Is(err, followup.ErrLeadMoved) {
		return followup.Lead{}, fault.Missing("lead")
	}
	if err != nil {
		return followup.Lead{}, fmt.Errorf("read lead: %w", err)
	}
	return l, nil
}

func isMissing(err error) bool {
	f, ok := errors.AsType[*fault.Error](err)
	return ok && f.Code == fault.NotFound
}
