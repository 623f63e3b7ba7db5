package redisstore

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"wagate/followup"
)

var (
	beginKeyScript  = load("key_begin")
	holdKeyScript   = load("key_hold")
	finishKeyScript = load("key_finish")
	dropKeyScript   = load("key_drop")
)

// BeginKey implements followup.SendStore.
func (s *Store) BeginKey(
	ctx context.Context, tenant followup.TenantID, key, fingerprint string, real time.Time, lease time.Duration,
) (followup.KeyAnswer, error) {
	owner := s.newToken()
	v, err := s.run(ctx, beginKeyScript, []string{idempotencyKey(tenant, key)},
		fingerprint, ms(real), ms(real.Add(lease)), owner, followup.KeyAge.Milliseconds())
	if err = cmp.Or(err, s.checkReply("idempotency key", v)); err != nil {
		return followup.KeyAnswer{}, fmt.Errorf("begin idempotency key: %w", err)
	}
	l, _ := v.([]any)
	r := reply(l)
	if len(r) != 2 {
		return followup.KeyAnswer{}, fmt.Errorf("begin idempotency key: %w", errReply)
	}
	a := followup.KeyAnswer{State: followup.KeyState(r.text(0))}
	switch a.State {
	case followup.KeyNew:
		a.Owner = owner
	case followup.KeyDone:
		a.Answer = []byte(r.text(1))
	case followup.KeyBusy, followup.KeyMismatch:
	}
	return a, nil
}

// HoldKey implements followup.SendStore.
func (s *Store) HoldKey(ctx context.Context, tenant followup.TenantID, key, owner string, real time.Time) error {
	v, err := s.runDurable(ctx, holdKeyScript, []string{idempotencyKey(tenant, key)},
		owner, ms(real), followup.KeyAge.Milliseconds())
	if err = cmp.Or(err, s.checkReply("idempotency key", v)); err != nil {
		return fmt.Errorf("hold idempotency key: %w", err)
	}
	if l, _ := v.([]any); reply(l).text(0) == "stale" {
		return followup.ErrStale
	}
	return nil
}

// FinishKey implements followup.SendStore.
func (s *Store) FinishKey(
	ctx context.Context, tenant followup.TenantID, key string, answer []byte, real time.Time,
) error {
	v, err := s.runDurable(ctx, finishKeyScript, []string{idempotencyKey(tenant, key)},
		answer, ms(real), followup.KeyAge.Milliseconds())
	if err = cmp.Or(err, s.checkReply("idempotency key", v)); err != nil {
		return fmt.Errorf("finish idempotency key: %w", err)
	}
	return nil
}

// DropKey implements followup.SendStore.
func (s *Store) DropKey(ctx context.Context, tenant followup.TenantID, key, owner string) error {
	v, err := s.run(ctx, dropKeyScript, []string{idempotencyKey(tenant, key)}, owner)
	if err = cmp.Or(err, s.checkReply("idempotency key", v)); err != nil {
		return fmt.Errorf("drop idempotency key: %w", err)
	}
	return nil
}
