package followups

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"wagate/followup"
	"wagate/gateway/internal/fault"
)

// Runs returns the lead's runs, newest first.
func (s *Service) Runs(ctx context.Context, tenant followup.TenantID, lead string) ([]RunView, error) {
	id, err := followup.ParseLeadID(lead)
	if err != nil {
		return nil, fault.Missing("lead")
	}
	runs, err := s.store.Runs(ctx, tenant, id)
	if err := found(err, "lead"); err != nil {
		return nil, err
	}
	out := make([]RunView, 0, len(runs))
	for _, r := range runs {
		out = append(out, viewRun(r))
	}
	return out, nil
}

// Run returns one run, or a NotFound fault if it is not the tenant's.
func (s *Service) Run(ctx context.Context, tenant followup.TenantID, run string) (RunView, error) {
	id, err := followup.ParseRunID(run)
	if err != nil {
		return RunView{}, fault.Missing("run")
	}
	r, err := s.store.Run(ctx, tenant, id)
	if err := found(err, "run"); err != nil {
		return RunView{}, err
	}
	return viewRun(r), nil
}

// Cancel ends a run, unless it has ended already, and returns the run as it is then.
func (s *Service) Cancel(ctx context.Context, tenant followup.TenantID, run string) (RunView, error) {
	id, err := followup.ParseRunID(run)
	if err != nil {
		return RunView{}, fault.Missing("run")
	}
	ended, err := s.store.Cancel(ctx, tenant, id, s.now(), s.real())
	if err := found(err, "run"); err != nil {
		return RunView{}, err
	}
	s.ended(ended)
	return s.Run(ctx, tenant, run)
}

// order is a request to start a run by hand.
type order struct {
	lead      string
	assistant string
	config    string
	channel   string
}

// Start starts a run by hand, whatever the lead's status, and returns it. The run's config is the
// one that the body names, else that of the assistant that the body names, else that of the lead's
// assistant. A live run of the same assistant ends as restarted.
func (s *Service) Start(ctx context.Context, tenant followup.TenantID, body []byte) (RunView, error) {
	t := s.tenant(tenant)
	o, err := readOrder(t, body)
	if err != nil {
		return RunView{}, err
	}
	lead, err := followup.ParseLeadID(o.lead)
	if err != nil {
		return RunView{}, fault.Missing("lead")
	}
	l, err := s.store.Lead(ctx, tenant, lead)
	if err := found(err, "lead"); err != nil {
		return RunView{}, err
	}
	c, err := s.orderedConfig(ctx, t, l, o)
	if err != nil {
		return RunView{}, err
	}
	plan, no := followup.PlanManual(l, t, c, followup.ChannelID(o.channel))
	if no != "" {
		return RunView{}, notStarted(no)
	}
	arm, err := s.saveLadder(ctx, tenant, plan)
	if err != nil {
		return RunView{}, err
	}
	run, err := s.start(ctx, tenant, lead, *arm, false)
	if errors.Is(err, followup.ErrNotFound) || errors.Is(err, followup.ErrLeadMoved) {
		return RunView{}, fault.Missing("lead")
	}
	if err != nil {
		return RunView{}, fmt.Errorf("start run: %w", err)
	}
	if run == "" { // since the plan was made, the lead has opted out or the config has become inactive
		return RunView{}, notStarted(followup.NoRunInactive)
	}
	return s.Run(ctx, tenant, string(run))
}

// readOrder decodes and checks the body of a start by hand.
func readOrder(t followup.Tenant, body []byte) (order, error) {
	var problems fault.Problems
	given, err := fault.Texts(body, &problems, "lead_id", "assistant_id", "config_id", "channel_id")
	if err != nil {
		return order{}, err
	}
	o := order{
		lead: followup.CanonicalID(given["lead_id"]), assistant: followup.CanonicalID(given["assistant_id"]),
		config: followup.CanonicalID(given["config_id"]), channel: followup.CanonicalID(given["channel_id"]),
	}
	if o.lead == "" && !problems.Has("lead_id") {
		problems.Absent("lead_id")
	}
	if o.assistant != "" && o.config != "" {
		problems.Add("config_id", "must not be given together with assistant_id")
	}
	if _, ok := t.Assistant(followup.AssistantID(o.assistant)); o.assistant != "" && !ok {
		problems.Add("assistant_id", "is not an assistant of this tenant")
	}
	if _, ok := t.Channel(followup.ChannelID(o.channel)); o.channel != "" && !ok {
		problems.Add("channel_id", "is not a channel of this tenant")
	}
	return o, problems.Err()
}

// orderedConfig returns the config of the run that is to start.
func (s *Service) orderedConfig(ctx context.Context, t followup.Tenant, l followup.Lead, o order) (followup.Config, error) {
	if o.config != "" {
		return s.config(ctx, t.ID, o.config)
	}
	a := followup.AssistantID(o.assistant)
	if a == "" {
		var ok bool
		if a, ok = followup.AssistantOf(l, t); !ok {
			return followup.Config{}, &fault.Error{
				Code: fault.RunNotStarted, Message: "no run can start for this lead",
				Details: []fault.Detail{{Field: "assistant_id", Problem: "is needed: the lead has no assistant"}},
			}
		}
	}
	c, err := s.store.ConfigByAssistant(ctx, t.ID, a)
	if errors.Is(err, followup.ErrNotFound) {
		return followup.Config{}, &fault.Error{
			Code: fault.RunNotStarted, Message: "no run can start for this lead",
			Details: []fault.Detail{{Field: "assistant_id", Problem: "has no follow-up configuration"}},
		}
	}
	if err != nil {
		return followup.Config{}, fmt.Errorf("read config: %w", err)
	}
	return c, nil
}

// notStarted returns the fault that says why no run can start, with the field that is the reason.
func notStarted(no followup.NoRun) error {
	d := fault.Detail{Field: "config_id", Problem: string(no)}
	switch no {
	case followup.NoRunOptedOut:
		d = fault.Detail{Field: "lead_id", Problem: "the lead has opted out"}
	case followup.NoRunInactive:
		d.Problem = "the configuration is not active"
	case followup.NoRunChannel:
		d = fault.Detail{Field: "channel_id", Problem: "is needed: neither lead nor assistant has a channel"}
	case followup.NoRunEmptySteps:
		d = fault.Detail{Field: "channel_id", Problem: "the configuration has no steps for this channel"}
	case followup.NoRunAssistant, followup.NoRunStatus: // not checked for a start by hand
	}
	return &fault.Error{Code: fault.RunNotStarted, Message: "no run can start for this lead", Details: []fault.Detail{d}}
}

// canonical reports whether s is a UUID in the form in which wagate writes them.
func canonical(s string) bool {
	u, err := uuid.Parse(s)
	return err == nil && u.String() == s
}
