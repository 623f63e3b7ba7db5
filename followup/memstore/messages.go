package memstore

import (
	"cmp"
	"context"

	"wagate/followup"
)

// LinkMessage implements followup.MessageStore.
func (s *Store) LinkMessage(ctx context.Context, ref followup.MessageRef) ([]followup.Parked, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()

	known := followup.MessageRef{}
	for _, id := range []string{ref.SenderID, ref.ProviderID} {
		if m := s.messages[id]; m != nil && id != "" {
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
	for _, id := range []string{ref.SenderID, ref.ProviderID, all.SenderID, all.ProviderID} {
		if id == "" {
			continue
		}
		s.messages[id] = all
		parked = append(parked, s.parked[id]...)
		delete(s.parked, id)
	}
	return parked, nil
}

// Message implements followup.MessageStore.
func (s *Store) Message(ctx context.Context, id string, park *followup.Parked) (followup.MessageRef, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return followup.MessageRef{}, err
	}
	defer unlock()
	if m := s.messages[id]; m != nil {
		return *m, nil
	}
	if park != nil {
		p := *park
		p.At = ms(p.At)
		s.parked[id] = append(s.parked[id], p)
	}
	return followup.MessageRef{}, followup.ErrNotFound
}
