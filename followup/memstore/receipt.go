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
	since    time.Time // what the channel's window counted from
	at       time.Time
	state    providers.StatusState // the furthest a receipt told
	recorded bool                  // RecordSend was here
	message  string                // its id, as a receipt told it
	opaque   string                // what its sender wants back
	// notBefore is when the run's next message may go at the earliest.
	notBefore time.Time
	// silent is when this one may if it was not sent: the business spoke meanwhile.
	silent time.Time
	// again: the step was tried once more, as this one cannot have been sent.
	again bool
}

// attempt makes the record of a call about to happen.
func (t *turn) attempt(r *run, c followup.ChannelID) followup.AttemptID {
	t.trim()
	t.l.nAttempts++
	a := &attempt{channel: c, since: t.l.windows[c].LastInbound, at: t.now}
	if r != nil {
		a.run, a.step = r.ID, r.Step+1
		for _, before := range t.l.attempts {
			before.again = before.again || before.run == a.run && before.step == a.step
		}
	}
	id := t.l.rec.ID.Attempt(t.l.nAttempts)
	t.l.attempts[id] = a
	return id
}

// attemptOf returns an attempt made for the lead, or for one merged into it.
func (t *turn) attemptOf(id followup.AttemptID) *attempt {
	l := t.s.leads[id.Lead()]
	if l == nil || t.s.heir(l) != t.l {
		return nil
	}
	return l.attempts[id]
}

// cappedWait is how long a lead is left alone whom the provider capped.
const cappedWait = followup.CappedWait

// receipt takes in a status about a message of ours.
func (t *turn) receipt(rc followup.Receipt, at time.Time) {
	a := t.attemptOf(rc.Attempt)
	if a == nil || rc.State.Rank() <= a.state.Rank() {
		return
	}
	a.state = rc.State
	a.message = cmp.Or(a.message, rc.MessageID)
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

// putOff has the run's next message go no earlier than at an instant. Behind one that
// is being sent, FinishStep sees to it.
func (t *turn) putOff(r *run, at time.Time) {
	if r.State != followup.RunSending {
		r.wait(followup.Later(r.DueAt, at))
	} else if a := t.attemptOf(r.attempt); a != nil {
		a.notBefore = followup.Later(a.notBefore, at)
	}
}

// unsentFrom is when a step that turns out not to be sent may be due again at the earliest.
func (t *turn) unsentFrom(r *run) time.Time {
	a := t.attemptOf(r.attempt)
	if a == nil {
		return time.Time{}
	}
	return followup.Later(a.notBefore, a.silent)
}

// correct settles the outcome of the attempt's step by what receipts have told
// so far, if the outcome is recorded already.
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
	if to == from || to == followup.Failed && a.again {
		return
	}
	m.Settled, m.SettledAt = to, t.now
	m.MessageID = cmp.Or(m.MessageID, a.message)
	t.corrections = append(t.corrections, followup.Correction{Run: r.ID, Step: m.Step, From: from, To: to})
	told := *m
	told.Outcome = to
	t.happening(r, followup.HappeningSettled, told, "")
}

// settle returns what an outcome becomes by a receipt.
func settle(from followup.Outcome, state providers.StatusState) followup.Outcome {
	switch {
	case state == providers.StatusFailed && (from == followup.Uncertain || from == followup.Sent):
		return followup.Failed
	case state.Rank() >= providers.StatusSent.Rank() && from == followup.Uncertain:
		return followup.Sent
	}
	return from
}
