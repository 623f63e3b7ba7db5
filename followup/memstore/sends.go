package memstore

import (
	"context"
	"errors"
	"time"

	"wagate/followup"
)

// GuardSend implements followup.SendStore.
func (s *Store) GuardSend(ctx context.Context, g followup.GuardSend) (followup.Verdict, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return followup.Verdict{}, err
	}
	defer unlock()
	l, err := s.find(g.Tenant, g.Lead)
	if errors.Is(err, followup.ErrLeadMoved) {
		return followup.Verdict{Refusal: followup.RefusedLeadMoved}, nil
	}
	if err != nil {
		return followup.Verdict{}, err
	}
	if no := s.refusal(l, g.Channel, g.To, g.FreeForm, g.Marketing, g.Now); no != followup.Allowed {
		return followup.Verdict{Refusal: no}, nil
	}
	t := s.begin(l, g.Now, g.Real)
	rearm := t.spoke(g.Channel, g.Assistant, false)
	id := g.Previous
	if t.attemptOf(id) == nil {
		id = t.attempt(nil, g.Channel)
		l.attempts[id].opaque = g.Opaque
	}
	return followup.Verdict{Attempt: id, Opaque: id.Opaque(0), Closes: l.closes(g.Channel, g.FreeForm), Rearm: rearm}, nil
}

// RecordSend implements followup.SendStore.
func (s *Store) RecordSend(ctx context.Context, r followup.RecordSend) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	l, err := s.find(r.Tenant, r.Lead)
	if errors.Is(err, followup.ErrLeadMoved) {
		if l = s.heir(s.leads[r.Lead]); l != nil {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	t := s.begin(l, r.Now, r.Real)
	a := t.attemptOf(r.Attempt)
	if a == nil {
		return followup.ErrNotFound
	}
	if a.recorded {
		return nil
	}
	a.recorded = true
	if r.Entry != nil {
		l.remember(r.Channel, *r.Entry)
		l.used(r.Channel, t.now)
	}
	if r.CloseWindow {
		l.refuse(r.Channel, a.since)
	}
	if r.OptOut {
		t.optOut(true, t.now)
		s.reportEnded(t.ended)
	}
	return nil
}

// History implements followup.SendStore.
func (s *Store) History(ctx context.Context, id followup.LeadID, c followup.ChannelID, now time.Time) ([]followup.Entry, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	out := []followup.Entry{}
	l := s.leads[id]
	if l == nil {
		return out, nil
	}
	for _, e := range l.histories[c] {
		if now.Sub(e.At) <= followup.HistoryAge {
			out = append(out, e)
		}
	}
	return out, nil
}

// Pace implements followup.SendStore by the generic cell rate algorithm: a channel's slots are one
// interval apart, and a burst may take its slots in advance.
func (s *Store) Pace(
	ctx context.Context, c followup.ChannelID, perSecond float64, burst int, longest time.Duration, real time.Time,
) (time.Duration, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return 0, err
	}
	defer unlock()
	if perSecond <= 0 {
		return 0, nil
	}
	now, interval := float64(real.UnixMilli()), 1000/perSecond
	slot, ahead := max(s.slots[c], now), float64(max(burst, 1))*interval
	if slot-ahead-now > float64(max(longest, followup.LongestPace).Milliseconds()) {
		slot = now // the stored slot comes from a clock that was ahead
	}
	wait := time.Duration(max(slot-ahead+interval-now, 0) * float64(time.Millisecond))
	if wait <= longest {
		s.slots[c] = slot + interval
	}
	return wait, nil
}
