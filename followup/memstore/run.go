package memstore

import (
	"encoding/json"
	"slices"
	"time"

	"wagate/followup"
)

// run is a run with the fields that only the store needs. Its Timeline holds only the steps that have
// ended.
type run struct {
	followup.Run
	token    string
	lease    time.Time // end of the lease, while claimed or sending; real time
	attempt  followup.AttemptID
	kind     followup.StepKind // what went out with the attempt
	usedStep int               // GuardStep.UsedStep of the attempt
	lapsed   int               // leases that ran out in a row, unsent
	crashed  bool              // claimed again while in sending: it can only be finished
	ending   followup.Reason   // marked ending while in sending: the reason once the result is known
	rearm    bool              // a reply leaves a rearm waiting
}

// live reports whether the run has neither ended nor been marked ending. Replies, restarts and
// cancellations concern live runs only.
func (r *run) live() bool { return r.State != followup.RunEnded && r.ending == "" }

// view returns the run as callers see it, with the pending step last in the timeline.
func (r *run) view() followup.Run {
	out := r.Run
	out.Timeline = slices.Clone(r.Timeline)
	if r.State != followup.RunEnded {
		out.Timeline = append(out.Timeline, followup.Moment{Step: r.Step + 1, DueAt: r.DueAt})
	}
	return out
}

// turn is one atomic change of one lead: when it happens, and which runs it ended and outcomes it
// corrected.
type turn struct {
	s           *Store
	l           *lead
	now, real   time.Time
	ended       []followup.Ended
	corrections []followup.Correction
}

// begin returns a new turn on a lead.
func (s *Store) begin(l *lead, now, real time.Time) *turn {
	return &turn{s: s, l: l, now: ms(now), real: ms(real)}
}

// start starts a run and returns its id, or "" if mayStart forbids it.
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

// arm makes a step the current one, sets when it is due and queues HappeningScheduled.
func (t *turn) arm(r *run, step int, interval time.Duration, notBefore time.Time) {
	r.Step, r.Interval, r.Tries = step, interval, 0
	r.armAt(followup.Later(t.now.Add(interval), ms(notBefore)))
	t.happening(r, followup.HappeningScheduled, followup.Moment{Step: step + 1}, "")
}

// armAt arms the current step again, due at the instant due. A claim or attempt of it is void.
func (r *run) armAt(due time.Time) {
	r.State, r.DueAt, r.lapsed = followup.RunArmed, ms(due), 0
	r.token, r.lease, r.attempt = "", time.Time{}, ""
}

// end ends a live run. A run in sending is marked, and ends once the result of its call is known.
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

// endUnsent ends a run whose current step was not sent, and records the step's outcome.
func (t *turn) endUnsent(r *run, why followup.Reason) {
	m := followup.Moment{
		Step: r.Step + 1, DueAt: r.DueAt, Kind: followup.KindNone,
		Outcome: why.Unsent(), Reason: why, At: t.now,
	}
	r.Timeline = append(r.Timeline, m)
	t.ended = append(t.ended, followup.Ended{Run: r.ID, Step: m.Step, Reason: why})
	t.close(r, why, m.Outcome)
}

// close ends a run whose current step has its outcome. cancelled is that outcome if the end of the run
// caused it, else empty.
func (t *turn) close(r *run, why followup.Reason, cancelled followup.Outcome) {
	r.State, r.Reason, r.EndedAt = followup.RunEnded, why, t.now
	r.token, r.lease, r.attempt, r.ending = "", time.Time{}, "", ""
	event := followup.HappeningCancelled
	switch why {
	case followup.Replied:
		event = followup.HappeningReplied
	case followup.CompletedEnded:
		event, why = followup.HappeningCompleted, "" // no outcome has this reason
	}
	t.happening(r, event, followup.Moment{Step: r.Step + 1, Outcome: cancelled, Reason: why}, "")
}

// trim removes ended runs and attempts that are older than RunAge.
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

// happening queues a follow-up event for the run's assistant, in order with the lead's other events.
func (t *turn) happening(r *run, event followup.Happening, m followup.Moment, text string) {
	value, err := json.Marshal(struct {
		Event     followup.Happening `json:"event"`
		RunID     followup.RunID     `json:"run_id"`
		LeadID    followup.LeadID    `json:"lead_id"`
		Step      int                `json:"step"`
		Outcome   *followup.Outcome  `json:"outcome"` // null: none yet
		Reason    *followup.Reason   `json:"reason"`
		Text      string             `json:"text,omitempty"`
		MessageID string             `json:"message_id,omitempty"`
	}{event, r.ID, r.Lead, m.Step, word(m.Outcome), word(m.Reason), text, m.MessageID})
	if err != nil {
		panic("memstore: " + err.Error()) // strings and a number cannot fail to marshal
	}
	t.relay(r.Assistant, followup.RelayEvent{Channel: r.Channel, Field: "followup", Value: value})
}

// word returns a pointer to w, or nil if w is empty.
func word[T ~string](w T) *T {
	if w == "" {
		return nil
	}
	return &w
}

// relay appends an event to the assistant's queue of the lead's heir.
func (t *turn) relay(a followup.AssistantID, e followup.RelayEvent) {
	if l := t.s.heir(t.l); l != nil && a != "" {
		q := l.queue(a)
		q.events = append(q.events, queued{event: e, at: t.real})
	}
}
