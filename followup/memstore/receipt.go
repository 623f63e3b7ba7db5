package memstore

import (
	"cmp"
	"slices"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// attempt is one provider call.
type attempt struct {
	run      followup.RunID // empty: made by the API
	step     int            // of the run, counting from 1
	channel  followup.ChannelID
	since    time.Time // what the channel's window counted from at the call
	at       time.Time
	state    providers.StatusState // the state of highest rank that a receipt told
	failure  followup.Reason       // why the message failed, as a receipt told it
	recorded bool                  // by RecordSend
	message  string                // the message id, as a receipt told it
	opaque   string                // the sender's GuardSend.Opaque
	// notBefore is the earliest time for the run's next message, set by a receipt.
	notBefore time.Time
	// unsentNotBefore is the earliest time for this step's message if this attempt turns out not to
	// have been sent: the business spoke while it was in sending.
	unsentNotBefore time.Time
	// retried is true if the step was tried again after this attempt, which thus cannot have been sent.
	retried bool
}

// attempt records a provider call that is about to be made, for run r or, if nil, for the API.
func (t *turn) attempt(r *run, c followup.ChannelID) followup.AttemptID {
	t.trim()
	t.l.nAttempts++
	a := &attempt{channel: c, since: t.l.windows[c].LastInbound, at: t.now}
	if r != nil {
		a.run, a.step = r.ID, r.Step+1
		for _, before := range t.l.attempts {
			before.retried = before.retried || before.run == a.run && before.step == a.step
		}
	}
	id := t.l.rec.ID.Attempt(t.l.nAttempts)
	t.l.attempts[id] = a
	return id
}

// attemptOf returns an attempt made for the lead or for a lead merged into it; nil if there is none.
func (t *turn) attemptOf(id followup.AttemptID) *attempt {
	l := t.s.leads[id.Lead()]
	if l == nil || t.s.heir(l) != t.l {
		return nil
	}
	return l.attempts[id]
}

// cappedWait is how long a lead is left alone after the provider capped it.
const cappedWait = followup.CappedWait

// receipt applies a status about a message of ours.
func (t *turn) receipt(rc followup.Receipt, at time.Time) {
	a := t.attemptOf(rc.Attempt)
	if a == nil || rc.State.Rank() <= a.state.Rank() {
		return
	}
	a.state = rc.State
	a.message = cmp.Or(a.message, rc.MessageID)
	if rc.State == providers.StatusFailed {
		a.failure = followup.FailedBy(rc.Kind)
	}
	t.correct(a)
	if rc.State != providers.StatusFailed {
		return
	}
	switch rc.Kind {
	case providers.WindowClosed:
		t.l.refuse(a.channel, a.since)
	case providers.OptedOut:
		t.optOut(true, at)
	case providers.Capped:
		if _, r := t.s.run(a.run); r != nil && r.live() {
			t.putOff(r, t.now.Add(cappedWait))
		}
	case providers.Undeliverable:
		if _, r := t.s.run(a.run); r != nil {
			t.end(r, followup.Unreachable)
		}
	}
}

// putOff makes the run's next message due no earlier than at. If a step is in sending, FinishStep
// does so for the step after it.
func (t *turn) putOff(r *run, at time.Time) {
	if r.State != followup.RunSending {
		r.armAt(followup.Later(r.DueAt, at))
	} else if a := t.attemptOf(r.attempt); a != nil {
		a.notBefore = followup.Later(a.notBefore, at)
	}
}

// unsentFrom returns when a step in sending may be due again at the earliest, if it turns out not to
// have been sent; zero if there is no such bound.
func (t *turn) unsentFrom(r *run) time.Time {
	a := t.attemptOf(r.attempt)
	if a == nil {
		return time.Time{}
	}
	return followup.Later(a.notBefore, a.unsentNotBefore)
}

// correct settles the outcome of the attempt's step by what receipts have told so far, if the outcome
// has been recorded.
func (t *turn) correct(a *attempt) {
	_, r := t.s.run(a.run)
	if r == nil {
		return
	}
	i := slices.IndexFunc(r.Timeline, func(m followup.Moment) bool { return m.Step == a.step })
	if i < 0 {
		return
	}
	m := &r.Timeline[i]
	from := m.Outcome
	if m.Settled != "" {
		from = m.Settled
	}
	to := settle(from, a.state)
	if to == from || to == followup.Failed && a.retried {
		return
	}
	m.Settled, m.SettledAt = to, t.now
	m.MessageID = cmp.Or(m.MessageID, a.message)
	t.corrections = append(t.corrections, followup.Correction{Run: r.ID, Step: m.Step, From: from, To: to})
	told := *m
	told.Outcome, told.Reason = to, followup.SentBy(m.Kind)
	if to == followup.Failed {
		told.Reason = a.failure
	}
	t.happening(r, followup.HappeningSettled, told, "")
}

// settle returns the outcome that a receipt of this state turns an outcome into.
func settle(from followup.Outcome, state providers.StatusState) followup.Outcome {
	switch {
	case state == providers.StatusFailed && (from == followup.Uncertain || from == followup.Sent):
		return followup.Failed
	case state.Rank() >= providers.StatusSent.Rank() && from == followup.Uncertain:
		return followup.Sent
	}
	return from
}
