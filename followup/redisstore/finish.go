package redisstore

import (
	"context"
	"errors"
	"fmt"

	"wagate/followup"
)

var finishScript = loadOfLead("finish")

type finishRequest struct {
	N         int                `json:"n"`
	Token     string             `json:"token"`
	Attempt   followup.AttemptID `json:"attempt"`
	Kind      followup.StepKind  `json:"kind"`
	Outcome   followup.Outcome   `json:"outcome"`
	Reason    followup.Reason    `json:"reason"`
	Message   string             `json:"message"`
	Text      string             `json:"text"`
	Used      int                `json:"used"`
	Next      int                `json:"next"`
	Interval  int64              `json:"interval"`
	NotBefore int64              `json:"notbefore"`
	EndReason followup.Reason    `json:"endreason"`
	Close     bool               `json:"close"`
	OptOut    bool               `json:"out"`
	Told      bool               `json:"told"`
}

// FinishStep implements followup.StepStore.
func (s *Store) FinishStep(ctx context.Context, f followup.FinishStep) (followup.Finished, error) {
	run, err := s.runFacts(ctx, f.Run)
	if err != nil {
		return followup.Finished{}, err
	}
	if run.Tenant == "" {
		return followup.Finished{}, followup.ErrStale
	}
	var said *followup.Entry
	if f.Text != "" {
		said = &followup.Entry{From: followup.FromBusiness, Text: f.Text, At: f.Now}
	}
	req := finishRequest{
		N: f.Run.N(), Token: f.Token, Attempt: f.Attempt, Kind: f.Kind, Outcome: f.Outcome, Reason: f.Reason,
		Message: f.MessageID, Text: f.Text, Used: f.UsedStep, Next: f.Next, Interval: f.Interval.Milliseconds(),
		NotBefore: ms(f.NotBefore), EndReason: f.EndReason, Close: f.CloseWindow, OptOut: f.OptOut,
	}
	r, err := s.finish(ctx, run, f, req, said)
	if err == nil && r.text(0) == "heir" {
		if err := s.tellHeir(ctx, run, f, said); err != nil {
			return followup.Finished{}, err
		}
		req.Told = true
		r, err = s.finish(ctx, run, f, req, said)
	}
	if err != nil {
		s.unpromised(err, r.list(2).ended())
		return followup.Finished{}, fmt.Errorf("finish step: %w", err)
	}
	if r.text(0) == "stale" {
		return followup.Finished{}, followup.ErrStale
	}
	state := followup.RunState(r.text(0))
	if state == followup.RunEnded {
		s.followed.take(run.Lead)
	}
	s.onEnded(r.list(2).ended())
	s.forwardIf(ctx, r.text(3) == "1", run.Tenant, run.Lead)
	return followup.Finished{State: state, Due: fromMS(r.int(1))}, nil
}

func (s *Store) finish(
	ctx context.Context, run followup.Run, f followup.FinishStep, req finishRequest, said *followup.Entry,
) (reply, error) {
	return s.call(ctx, s.runDurable, finishScript,
		scope{
			lead: run.Lead, tenant: run.Tenant, now: f.Now, real: f.Real,
			assistants: []followup.AssistantID{run.Assistant}, channels: []followup.ChannelID{run.Channel},
		}, marshal(req), entryText(said))
}

// tellHeir tells the heir of a step's lead, which was merged away, what became of the step: what
// was said, that the window is closed, that the contact opted out.
func (s *Store) tellHeir(ctx context.Context, run followup.Run, f followup.FinishStep, said *followup.Entry) error {
	err := s.recordAtHeir(ctx, followup.RecordSend{
		Tenant: run.Tenant, Lead: run.Lead, Channel: run.Channel, Attempt: f.Attempt, MessageID: f.MessageID,
		Entry: said, CloseWindow: f.CloseWindow, OptOut: f.OptOut, Now: f.Now, Real: f.Real,
	}, f.Outcome == followup.Sent || f.Outcome == followup.Uncertain)
	if errors.Is(err, followup.ErrLeadMoved) || errors.Is(err, followup.ErrNotFound) {
		return nil // the heir was erased, or the attempt is no longer known
	}
	return err
}
