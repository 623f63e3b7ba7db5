package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"wagate/followup"
	"wagate/providers"
)

var (
	guardSendScript = loadOfLead("guard_send")
	recordScript    = loadOfLead("record")
)

// refusal reads the answers by which both guards refuse a send. The bool is false if r is no such
// answer.
func refusal(r reply, err error) (followup.Verdict, bool, error) {
	if errors.Is(err, followup.ErrLeadMoved) {
		return followup.Verdict{Refusal: followup.RefusedLeadMoved}, true, nil
	}
	if err != nil {
		return followup.Verdict{}, false, fmt.Errorf("guard: %w", err)
	}
	switch no := followup.Refusal(r.text(0)); no {
	case followup.RefusedStale, followup.RefusedWindow, followup.RefusedOptedOut, followup.RefusedPaused:
		return followup.Verdict{Refusal: no}, true, nil
	case followup.Allowed, followup.RefusedLeadMoved, followup.RefusedTemplate, followup.RefusedLate:
	}
	return followup.Verdict{}, false, nil
}

// addressee is the contact that a message is addressed to, as the guards read it.
type addressee struct {
	Phone  string `json:"ph"`
	UserID string `json:"ui"`
}

func addresseeOf(c providers.Contact) addressee { return addressee{c.Phone, c.UserID} }

// GuardSend implements followup.SendStore.
func (s *Store) GuardSend(ctx context.Context, g followup.GuardSend) (followup.Verdict, error) {
	r, err := s.call(ctx, s.runDurable, guardSendScript,
		scope{lead: g.Lead, tenant: g.Tenant, now: g.Now, real: g.Real},
		marshal(map[string]any{
			"channel": g.Channel, "assistant": g.Assistant, "to": addresseeOf(g.To), "free": g.FreeForm, "marketing": g.Marketing,
			"opaque": g.Opaque, "previous": g.Previous,
		}))
	if v, refused, err := refusal(r, err); refused || err != nil {
		return v, err
	}
	if r.text(0) == "none" {
		return followup.Verdict{}, followup.ErrNotFound
	}
	attempt := followup.AttemptID(r.text(0))
	return followup.Verdict{
		Attempt: attempt, Opaque: attempt.Opaque(s.partition(g.Lead)), Rearm: r.list(1).assistants(),
		Closes: fromMS(r.int(2)),
	}, nil
}

// RecordSend implements followup.SendStore.
func (s *Store) RecordSend(ctx context.Context, rec followup.RecordSend) error {
	used := rec.Entry != nil
	err := s.record(ctx, rec, used)
	if errors.Is(err, followup.ErrLeadMoved) {
		return s.recordAtHeir(ctx, rec, used)
	}
	return err
}

// recordAtHeir records a send at the lead that the message's lead was merged into. It returns
// ErrLeadMoved if that lead was erased.
func (s *Store) recordAtHeir(ctx context.Context, rec followup.RecordSend, used bool) error {
	lead, merged := rec.Lead, false
	for range maxHeirs {
		heir, err := s.heir(ctx, lead)
		if err != nil {
			return err
		}
		if heir == erased {
			return followup.ErrLeadMoved
		}
		rec.Lead = heir
		err = s.record(ctx, rec, used)
		switch {
		case errors.Is(err, followup.ErrLeadMoved):
			continue // the heir was itself merged meanwhile
		case !errors.Is(err, followup.ErrNotFound) || merged:
			return err
		}
		// The merge has not brought the attempt to the heir yet: finish the merge.
		if err := s.merge(ctx, rec.Tenant, heir, lead, rec.Now); err != nil {
			return fmt.Errorf("merge leads: %w", err)
		}
		merged = true
	}
	return fmt.Errorf("record send: %w", followup.ErrConflict)
}

// record records a send at rec.Lead. used says that the message counts as a use of the
// conversation.
func (s *Store) record(ctx context.Context, rec followup.RecordSend, used bool) error {
	r, err := s.call(ctx, s.run, recordScript,
		scope{
			lead: rec.Lead, tenant: rec.Tenant, now: rec.Now, real: rec.Real,
			channels: []followup.ChannelID{rec.Channel},
		},
		marshal(map[string]any{
			"attempt": rec.Attempt, "channel": rec.Channel, "message": rec.MessageID, "used": used,
			"close": rec.CloseWindow, "out": rec.OptOut,
		}), entryText(rec.Entry))
	if err != nil {
		return fmt.Errorf("record send: %w", err)
	}
	if r.text(0) == "none" {
		return followup.ErrNotFound
	}
	s.onEnded(r.list(0).ended())
	return nil
}

// History implements followup.SendStore.
func (s *Store) History(
	ctx context.Context, lead followup.LeadID, channel followup.ChannelID, now time.Time,
) ([]followup.Entry, error) {
	rows, err := s.db.LRange(ctx, s.tag(lead).history(lead, channel), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	entries := make([]followup.Entry, 0, len(rows))
	for _, row := range rows {
		var e entry
		if err := json.Unmarshal([]byte(row), &e); err != nil {
			return nil, fmt.Errorf("read history: %w", err)
		}
		if at := fromMS(e.At); now.Sub(at) <= followup.HistoryAge {
			entries = append(entries, followup.Entry{From: e.From, Text: e.Text, At: at})
		}
	}
	return entries, nil
}
