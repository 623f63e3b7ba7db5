package memstore

import (
	"cmp"
	"context"

	"wagate/followup"
)

// FinishStep implements followup.StepStore.
func (s *Store) FinishStep(ctx context.Context, f followup.FinishStep) (followup.Finished, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return followup.Finished{}, err
	}
	defer unlock()
	l, r := s.run(f.Run)
	if r == nil || !r.accepts(f) {
		return followup.Finished{}, followup.ErrStale
	}
	t := s.begin(l, f.Now, f.Real)
	m := followup.Moment{
		Step: r.Step + 1, DueAt: r.DueAt, Kind: f.Kind, Outcome: f.Outcome,
		Reason: f.Reason, MessageID: f.MessageID, At: t.now,
	}
	r.Timeline = append(r.Timeline, m)
	t.happening(r, followup.Happening(f.Outcome), m, f.Text)
	if f.UsedStep > 0 {
		r.Used = r.Used.With(f.UsedStep)
	}
	// The outcome is recorded. What it says about the lead is applied to the lead's heir, because the
	// lead may have been merged into another meanwhile.
	r.State, r.token = followup.RunClaimed, ""
	heir := s.heir(l)
	if heir != nil {
		of := s.begin(heir, f.Now, f.Real)
		of.applyResult(r, f)
		if heir != l {
			of.optOutBy(f)
		}
		s.reportEnded(of.ended)
	}
	if why := s.endOf(r, f); why != "" {
		t.close(r, why, "")
		if heir == l { // the assistant hears of this run first, and then of the lead's other runs
			t.optOutBy(f)
			s.reportEnded(t.ended)
		}
		return followup.Finished{State: followup.RunEnded}, nil
	}
	notBefore := f.NotBefore
	if a := t.attemptOf(f.Attempt); a != nil {
		notBefore = followup.Later(notBefore, a.notBefore)
	}
	t.arm(r, f.Next, f.Interval, notBefore)
	return followup.Finished{State: followup.RunArmed, Due: r.DueAt}, nil
}

// accepts reports whether a result matches the current claim or attempt of the run's step.
func (r *run) accepts(f followup.FinishStep) bool {
	if r.State == followup.RunSending {
		return r.attempt != "" && r.attempt == f.Attempt
	}
	return r.holds(f.Token)
}

// applyResult applies what a step's result says about the lead.
func (t *turn) applyResult(r *run, f followup.FinishStep) {
	if f.Text != "" {
		t.l.remember(r.Channel, followup.Entry{From: followup.FromBusiness, Text: f.Text, At: t.now})
	}
	if f.Outcome == followup.Sent || f.Outcome == followup.Uncertain {
		t.l.used(r.Channel, t.now)
	}
	if a := t.attemptOf(f.Attempt); a != nil {
		t.correct(a)
		if f.CloseWindow {
			t.l.refuse(a.channel, a.since)
		}
	}
	if f.OptOut {
		// Marked ending, this run is not live for optOut. Its step has its outcome already, and FinishStep
		// ends the run.
		r.ending = cmp.Or(r.ending, followup.OptedOut)
	}
}

// optOutBy opts the lead out if a step's result says that it has opted out.
func (t *turn) optOutBy(f followup.FinishStep) {
	if f.OptOut {
		t.optOut(true, t.now)
	}
}

// endOf returns why a run ends with the step just finished; empty if it goes on.
func (s *Store) endOf(r *run, f followup.FinishStep) followup.Reason {
	why := cmp.Or(r.ending, f.EndReason, s.offReason(r))
	if why == "" && s.off[r.Config] == followup.ConfigFinish {
		why = followup.ConfigGone
	}
	if why == "" && f.Next < 0 {
		why = followup.CompletedEnded
	}
	return why
}
