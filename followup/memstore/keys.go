package memstore

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"wagate/followup"
)

type keyID struct {
	tenant followup.TenantID
	key    string
}

// idempotency is the state of one idempotency key.
type idempotency struct {
	fingerprint string
	lease       time.Time
	done        bool
	answer      []byte
	at          time.Time // when it was begun or finished
	owner       string
}

// BeginKey implements followup.SendStore.
func (s *Store) BeginKey(ctx context.Context, tenant followup.TenantID, key, fingerprint string, real time.Time, lease time.Duration) (followup.KeyAnswer, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return followup.KeyAnswer{}, err
	}
	defer unlock()
	id := keyID{tenant, key}
	k := s.keys[id]
	switch {
	case k == nil, real.Sub(k.at) >= followup.KeyAge:
	case k.fingerprint != fingerprint:
		return followup.KeyAnswer{State: followup.KeyMismatch}, nil
	case k.done:
		return followup.KeyAnswer{State: followup.KeyDone, Answer: slices.Clone(k.answer)}, nil
	case real.Before(k.lease):
		return followup.KeyAnswer{State: followup.KeyBusy}, nil
	}
	owner := uuid.NewString()
	s.keys[id] = &idempotency{fingerprint: fingerprint, lease: ms(real.Add(lease)), at: ms(real), owner: owner}
	return followup.KeyAnswer{State: followup.KeyNew, Owner: owner}, nil
}

// HoldKey implements followup.SendStore.
func (s *Store) HoldKey(ctx context.Context, tenant followup.TenantID, key, owner string, real time.Time) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	k := s.keys[keyID{tenant, key}]
	if k == nil || k.owner != owner {
		return followup.ErrStale
	}
	k.lease = ms(real.Add(followup.KeyAge))
	return nil
}

// FinishKey implements followup.SendStore.
func (s *Store) FinishKey(ctx context.Context, tenant followup.TenantID, key string, answer []byte, real time.Time) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if k := s.keys[keyID{tenant, key}]; k != nil {
		k.done, k.answer, k.at = true, slices.Clone(answer), ms(real)
	}
	return nil
}

// DropKey implements followup.SendStore.
func (s *Store) DropKey(ctx context.Context, tenant followup.TenantID, key, owner string) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if k := s.keys[keyID{tenant, key}]; k != nil && k.owner == owner {
		delete(s.keys, keyID{tenant, key})
	}
	return nil
}
