package memstore

import (
	"encoding/json"
	"slices"
	"time"

	"wagate/followup"
)

// run is a run with what only the store needs of it. Its Timeline holds the
// steps that ended.
type run struct {
	followup.Run
	token   string
	lease   time.Time // until when it is claimed or sending; real time
	attempt followup.AttemptID
	kind    followup.StepKind // what went out with the attempt
	stand   int
	lapsed  int             // leases that ran out in a row, unsent
	crashed bool            // claimed again out of sending: to be finished, nothing else
	ending  followup.Reason // marked in sending: how it ends once its result is known
	rearm   bool            // a reply leaves a rearm waiting
}

// live reports whether the run is one of those that replies, restarts and
// cancellations are about.
func (r *run) live() bool { return r.State != followup.RunEnded && r.ending == "" }

// view returns the run as it is shown, with the pending step last.
func (r *run) view() followup.Run {
	out := r.Run
	out.Timeline = slices.Clone(r.Timeline)
	if r.State != followup.RunEnded {
		out.Timeline = append(out.Timeline, followup.Moment{Step: r.Step + 1, DueAt: r.DueAt})
	}
	return out
}

// turn is one atomic step on one lead: the instants it happens at and what it
// leads to.
type turn struct {
	s           *Store
	l           *lead
	now, real   time.Time
	ended       []followup.Ended
	corrections []followup.Correction
}

func (s *Store) on(l *lead, now, real time.Time) *turn {
	return &turn{s: s, l: l, now: ms(now), real: ms(real)}
}

// start starts a run, unless it must not.
func (t *turn) start(a followup.Arm) followup.RunID {
	if !t.mayStart(a) {
		return ""
	}
	t.trim()
	t.l.nRuns++
	r := &run{rearm: a.RearmOnReply, Run: followup.Run{
		ID: t.l.rec.ID.Run(t.l.nRuns), Tenant: t.l.rec.Tenant, Lead: t.l.rec.ID,
		Config: a.Config, Assistant: a.Assistant, Channel: a.Channel, Ladder: a.Ladder,
		StartedAt: t.now,
	}}
	t.l.runs[r.ID] = r
	t.arm(r, 0, a.Interval, time.Time{})
	return r.ID
}

func (t *turn) mayStart(a followup.Arm) bool {
	return !t.l.rec.OptedOut && t.s.off[a.Config] == followup.ConfigActive
}

// arm makes a step the current one and tells so.
func (t *turn) arm(r *run, step int, interval time.Duration, notBefore time.Time) {
	r.Step, r.Interval, r.Tries = step, interval, 0
	r.wait(followup.Later(t.now.Add(interval), ms(notBefore)))
	t.happening(r, followup.HappeningScheduled, followup.Moment{Step: step + 1}, "")
}

// wait makes the current step due at an instant, whoever held it.
func (r *run) wait(due time.Time) {
	r.State, r.DueAt, r.lapsed = followup.RunArmed, ms(due), 0
	r.token, r.lease, r.attempt = "", time.Time{}, ""
}

// end ends a live run: at once, or once the result of its call is known.
func (t *turn) end(r *run, why followup.Reason) {
	if !r.live() {
		return
	}
	if r.State == followup.RunSending {
		r.ending = why
		return
	}
	t.endUnsent(r, why)
}

func (t *turn) endAll(why followup.Reason) {
	for _, r := range t.l.liveRuns() {
		t.end(r, why)
	}
}

// endUnsent ends a run whose current step was not sent and never will be.
func (t *turn) endUnsent(r *run, why followup.Reason) {
	m := followup.Moment{
		Step: r.Step + 1, DueAt: r.DueAt, Kind: followup.KindNone,
		Outcome: why.Unsent(), Reason: why, At: t.now,
	}
	r.Timeline = append(r.Timeline, m)
	t.ended = append(t.ended, followup.Ended{Run: r.ID, Step: m.Step, Reason: why})
	t.close(r, why, m.Outcome)
}

// close ends a run whose current step has its outcome. cancelled is that
// outcome if the ending brought it about.
func (t *turn) close(r *run, why followup.Reason, cancelled followup.Outcome) {
	r.State, r.Reason, r.EndedAt = followup.RunEnded, why, t.now
	r.token, r.lease, r.attempt, r.ending = "", time.Time{}, "", ""
	event := followup.HappeningCancelled
	switch why {
	case followup.Replied:
		event = followup.HappeningReplied
	case followup.CompletedEnded:
		event = followup.HappeningCompleted
	}
	t.happening(r, event, followup.Moment{Step: r.Step + 1, Outcome: cancelled, Reason: why}, "")
}

// trim forgets runs and attempts nobody may ask for any more.
func (t *turn) trim() {
	for id, r := range t.l.runs {
		if r.State == followup.RunEnded && t.now.Sub(r.EndedAt) >= followup.RunAge {
			delete(t.l.runs, id)
		}
	}
	for id, a := range t.l.attempts {
		if t.now.Sub(a.at) >= followup.RunAge {
			delete(t.l.attempts, id)
		}
	}
}

// happening tells the run's assistant, in order with the rest of the lead's events.
func (t *turn) happening(r *run, event followup.Happening, m followup.Moment, text string) {
	value, err := json.Marshal(struct {
		Event     followup.Happening `json:"event"`
		RunID     followup.RunID     `json:"run_id"`
		LeadID    followup.LeadID    `json:"lead_id"`
		Step      int                `json:"step"`
		Outcome   *followup.Outcome  `json:"outcome"` // null: not yet
		Reason    *followup.Reason   `json:"reason"`
		Text      string             `json:"text,omitempty"`
		MessageID string             `json:"message_id,omitempty"`
	}{event, r.ID, r.Lead, m.Step, word(m.Outcome), word(m.Reason), text, m.MessageID})
	if err != nil {
		panic("memstore: " + err.Error()) // strings and a number cannot fail to marshal
	}
	t.relay(r.Assistant, followup.RelayEvent{Channel: r.Channel, Field: "followup", Value: value})
}

// word returns nil for a word that is not there yet.
func word[T ~string](w T) *T {
	if w == "" {
		return nil
	}
	return &w
}

// relay appends an event to the queue of whoever the lead is today.
func (t *turn) relay(a followup.AssistantID, e followup.RelayEvent) {
	if l := t.s.heir(t.l); l != nil && a != "" {
		q := l.queue(a)
		q.events = append(q.events, queued{event: e, at: t.real})
	}
}
