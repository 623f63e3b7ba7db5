package outbound

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"wagate/followup"
	"wagate/followup/poll"
)

// keyLease is how long a request holds its key if it never gets as far as sending, because the
// process died or because it never learned that it got the key. A request that is about to send
// holds its key for as long as the key is remembered: after a crash nobody knows whether the
// message left, so wagate must not send it again.
const keyLease = time.Minute

// hold is called before a message is sent. If it returns an error, the message must not be sent.
type hold func(ctx context.Context) error

// maxKey bounds an Idempotency-Key, in bytes.
const maxKey = 255

// A request whose key is held by another waits a little for the other's answer, because most
// calls are over by then. It asks again after busyFirst, then at growing intervals of up to
// busyMost, for about busyWait.
const (
	busyWait  = 5 * time.Second
	busyFirst = 20 * time.Millisecond
	busyMost  = 500 * time.Millisecond
)

// begin claims the request's idempotency key, or returns the state in which it found the key.
func (a *API) begin(ctx context.Context, r Request, fingerprint string) (followup.KeyAnswer, error) {
	pause := busyFirst
	for waited := time.Duration(0); ; waited += pause {
		k, err := a.p.Store.BeginKey(ctx, r.Tenant, r.IdempotencyKey, fingerprint, a.p.Real(), keyLease)
		if err != nil || k.State != followup.KeyBusy || waited >= busyWait {
			return k, err
		}
		pause = min(2*pause, busyMost)
		if poll.Sleep(ctx, pause) != nil {
			return k, nil
		}
	}
}

// once calls send for the first request with the key, and answers the others with its result. A
// key whose request sent nothing is free again.
func (a *API) once(ctx context.Context, r Request, send func(hold) (Answer, bool)) Answer {
	if len(r.IdempotencyKey) > maxKey {
		return fail(codeInvalid, "Idempotency-Key must have at most 255 bytes").answer()
	}
	sum := sha256.Sum256(append([]byte(r.Number+"\n"), r.Body...))
	k, err := a.begin(ctx, r, hex.EncodeToString(sum[:]))
	if err != nil {
		return a.unavailable(err)
	}
	switch k.State {
	case followup.KeyDone:
		s, err := unseal(r, k.Answer)
		if err != nil {
			a.log.Error("idempotency answer not readable", "err", err)
			return later(time.Second, "the message may have been sent: the answer to this Idempotency-Key cannot be read").answer()
		}
		return Answer{Status: s.Status, Body: s.Body}
	case followup.KeyBusy:
		p := later(time.Second, "a request with this Idempotency-Key is under way, or its result is not known")
		p.status = 409
		return p.answer()
	case followup.KeyMismatch:
		p := fail(codeInvalid, "this Idempotency-Key was used for a different request")
		p.status = 422
		return p.answer()
	case followup.KeyNew:
	}

	asked, held := false, false
	answer, final := send(func(ctx context.Context) error {
		if held {
			return nil
		}
		asked = true
		err := a.p.Store.HoldKey(ctx, r.Tenant, r.IdempotencyKey, k.Owner, a.p.Real())
		held = err == nil
		return err
	})
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), linkWithin)
	defer cancel()
	tries := uint(1) // a key that is not held is soon free by itself
	if asked {
		tries = 0 // as many as linkWithin allows
	}
	_, err = backoff.Retry(ctx, func() (struct{}, error) {
		err := a.end(ctx, r, k.Owner, answer, final)
		if errors.Is(err, followup.ErrNewer) {
			err = backoff.Permanent(err) // trying again would not help
		}
		return struct{}{}, err
	}, backoff.WithMaxTries(tries), backoff.WithMaxElapsedTime(linkWithin))
	if err != nil {
		a.log.Error("idempotency key not finished", "err", err)
	}
	return answer
}

// end stores the final answer under the request's key, sealed, or drops the key if nothing was
// sent.
func (a *API) end(ctx context.Context, r Request, owner string, answer Answer, final bool) error {
	if !final {
		return a.p.Store.DropKey(ctx, r.Tenant, r.IdempotencyKey, owner)
	}
	b, err := seal(r, stored{Status: answer.Status, Body: answer.Body})
	if err != nil {
		return backoff.Permanent(err)
	}
	return a.p.Store.FinishKey(ctx, r.Tenant, r.IdempotencyKey, b, a.p.Real())
}
