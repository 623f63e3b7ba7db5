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
	finishKeyScript = load("key_finish")
	dropKeyScript   = load("key_drop")
)

// BeginKey implements followup.SendStore.
func (s *Store) BeginKey(
	ctx context.Context, tenant followup.TenantID, key, fingerprint string, real time.Time, lease time.Duration,
) (followup.KeyAnswer, error) {
	v, err := s.run(ctx, beginKeyScript, []string{idempotencyKey(tenant, key)},
		fingerprint, ms(real), ms(real.Add(lease)), s.newToken(), followup.KeyAge.Milliseconds())
	if err = cmp.Or(err, s.left("idempotency key", v)); err != nil {
		return followup.KeyAnswer{}, fmt.Errorf("begin idempotency key: %w", err)
	}
	l, _ := v.([]any)
	r := reply(l)
	if len(r) != 2 {
		return followup.KeyAnswer{}, fmt.Errorf("begin idempotency key: %w", errReply)
	}
	a := followup.KeyAnswer{State: followup.KeyState(r.text(0))}
	if a.State == followup.KeyDone {
		a.Answer = []byte(r.text(1))
	}
	return a, nil
}

// FinishKey implements followup.SendStore. It may be called again with a better
// answer: a caller that stores "it may have been sent" before its provider call
// and the outcome after it is never repeated blindly, even by a crash.
func (s *Store) FinishKey(
	ctx context.Context, tenant followup.TenantID, key string, answer []byte, real time.Time,
) error {
	v, err := s.runDurable(ctx, finishKeyScript, []string{idempotencyKey(tenant, key)},
		answer, ms(real), followup.KeyAge.Milliseconds())
	if err = cmp.Or(err, s.left("idempotency key", v)); err != nil {
		return fmt.Errorf("finish idempotency key: %w", err)
	}
	return nil
}

// DropKey implements followup.SendStore.
func (s *Store) DropKey(ctx context.Context, tenant followup.TenantID, key string) error {
	v, err := s.run(ctx, dropKeyScript, []string{idempotencyKey(tenant, key)})
	if err = cmp.Or(err, s.left("idempotency key", v)); err != nil {
		return fmt.Errorf("drop idempotency key: %w", err)
	}
	return nil
}
