package memstore

import (
	"cmp"
	"context"

	"wagate/followup"
)

// messageID is a message's id within its tenant.
type messageID struct {
	tenant followup.TenantID
	id     string
}

// LinkMessage implements followup.MessageStore.
func (s *Store) LinkMessage(
	ctx context.Context, tenant followup.TenantID, ref followup.MessageRef,
) ([]followup.Parked, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()

	known := followup.MessageRef{}
	for _, id := range []string{ref.SenderID, ref.ProviderID} {
		if m := s.messages[messageID{tenant, id}]; m != nil && id != "" {
			known.Attempt = cmp.Or(known.Attempt, m.Attempt)
			known.SenderID = cmp.Or(known.SenderID, m.SenderID)
			known.ProviderID = cmp.Or(known.ProviderID, m.ProviderID)
			known.Opaque = cmp.Or(known.Opaque, m.Opaque)
		}
	}
	all := &followup.MessageRef{
		Attempt:    cmp.Or(known.Attempt, ref.Attempt),
		SenderID:   cmp.Or(known.SenderID, ref.SenderID),
		ProviderID: cmp.Or(known.ProviderID, ref.ProviderID),
		Opaque:     cmp.Or(known.Opaque, ref.Opaque),
	}
	var parked []followup.Parked
	seen := map[string]bool{"": true}
	for _, id := range []string{ref.SenderID, ref.ProviderID, all.SenderID, all.ProviderID} {
		if seen[id] {
			continue
		}
		seen[id] = true
		at := messageID{tenant, id}
		s.messages[at] = all
		parked = append(parked, s.parked[at]...)
	}
	return parked, nil
}

// Message implements followup.MessageStore.
func (s *Store) Message(
	ctx context.Context, tenant followup.TenantID, id string, park *followup.Parked,
) (followup.MessageRef, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return followup.MessageRef{}, err
	}
	defer unlock()
	at := messageID{tenant, id}
	if m := s.messages[at]; m != nil {
		ref := *m
		ref.Waiting = len(s.parked[at]) > 0
		return ref, nil
	}
	if park != nil {
		p := *park
		p.At = ms(p.At)
		s.parked[at] = append(s.parked[at], p)
	}
	return followup.MessageRef{}, followup.ErrNotFound
}

// Opaque implements followup.MessageStore.
func (s *Store) Opaque(ctx context.Context, tenant followup.TenantID, id followup.AttemptID) (string, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	l := s.leads[id.Lead()]
	if l == nil || l.rec.Tenant != tenant || l.attempts[id] == nil {
		return "", followup.ErrNotFound
	}
	return l.attempts[id].opaque, nil
}
