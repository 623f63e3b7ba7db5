package redisstore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

var (
	linkScript    = load("message_link")
	messageScript = load("message")
)

// maxParked bounds the receipts that are parked under one id. The newest are kept, as they say most.
const maxParked = 20

// LinkMessage implements followup.MessageStore. Each id has a slot of its own, so each is written
// by a script of its own. All that is known of the message is written to every id, and each script
// answers what else is known under its id. So calls that link the same message at the same time
// end up with the same in every id. The parked receipts are only read: a crash loses none, and a
// repetition finds them again.
func (s *Store) LinkMessage(
	ctx context.Context, tenant followup.TenantID, ref followup.MessageRef,
) ([]followup.Parked, error) {
	all, err := s.linked(ctx, tenant, ref)
	if err != nil {
		return nil, fmt.Errorf("link message: %w", err)
	}
	var parked []followup.Parked
	seen := map[string]bool{}
	for grown := true; grown; {
		grown = false
		for _, id := range distinct([]string{ref.SenderID, ref.ProviderID, all.SenderID, all.ProviderID}) {
			if id == "" {
				continue
			}
			have, receipts, err := s.link(ctx, tenant, id, all)
			if err != nil {
				return nil, fmt.Errorf("link message: %w", err)
			}
			if !seen[id] {
				seen[id] = true
				parked = append(parked, receipts...)
			}
			if more := complete(all, have); more != all {
				all, grown = more, true // a field is filled once, so this ends
			}
		}
	}
	return parked, nil
}

// linked returns what is known under the ids of ref, and for what is not known, what ref says.
func (s *Store) linked(
	ctx context.Context, tenant followup.TenantID, ref followup.MessageRef,
) (followup.MessageRef, error) {
	var reads []*redis.SliceCmd
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for _, id := range []string{ref.SenderID, ref.ProviderID} {
			if id != "" {
				reads = append(reads, p.HMGet(ctx, messageKey(tenant, id), "a", "s", "p", "o", "v"))
			}
		}
	}); err != nil {
		return ref, err
	}
	known := followup.MessageRef{}
	for _, r := range reads {
		if err := s.checkVersion("message", reply(r.Val()).text(4)); err != nil {
			return ref, err
		}
		known = complete(known, messageRef(r.Val()))
	}
	return complete(known, ref), nil
}

// complete returns known, with its empty fields filled from from.
func complete(known, from followup.MessageRef) followup.MessageRef {
	return followup.MessageRef{
		Attempt:    cmp.Or(known.Attempt, from.Attempt),
		SenderID:   cmp.Or(known.SenderID, from.SenderID),
		ProviderID: cmp.Or(known.ProviderID, from.ProviderID),
		Opaque:     cmp.Or(known.Opaque, from.Opaque),
	}
}

// link adds ref to what is known under one id. It returns all that is known there then, and the
// receipts that are parked there.
func (s *Store) link(
	ctx context.Context, tenant followup.TenantID, id string, ref followup.MessageRef,
) (followup.MessageRef, []followup.Parked, error) {
	v, err := s.runDurable(ctx, linkScript, []string{messageKey(tenant, id), parkedKey(tenant, id)},
		followup.RunAge.Milliseconds(), string(ref.Attempt), ref.SenderID, ref.ProviderID, ref.Opaque)
	if err = cmp.Or(err, s.checkReply("message", v)); err != nil {
		return followup.MessageRef{}, nil, err
	}
	l, _ := v.([]any)
	r := reply(l)
	var receipts []followup.Parked
	for _, text := range texts(r.list(4)) {
		var p storedReceipt
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			return followup.MessageRef{}, nil, fmt.Errorf("parked receipt: %w", errReply)
		}
		receipts = append(receipts, p.Parked)
	}
	return messageRef(r), receipts, nil
}

// messageRef reads a message's attempt, ids and opaque data, in this order.
func messageRef(r reply) followup.MessageRef {
	return followup.MessageRef{
		Attempt: followup.AttemptID(r.text(0)), SenderID: r.text(1), ProviderID: r.text(2), Opaque: r.text(3),
	}
}

// storedReceipt is a parked receipt with the id of the request that parked it.
type storedReceipt struct {
	Request string          `json:"q"`
	Parked  followup.Parked `json:"p"`
}

// Message implements followup.MessageStore.
func (s *Store) Message(
	ctx context.Context, tenant followup.TenantID, id string, park *followup.Parked,
) (followup.MessageRef, error) {
	request, receipt, run := "", "", s.run
	if park != nil {
		run = s.runDurable // the receipt is acknowledged to the provider, and is kept nowhere else
		p := *park
		p.At = fromMS(ms(p.At))
		request = s.newToken()
		receipt = marshal(storedReceipt{Request: request, Parked: p})
	}
	v, err := run(ctx, messageScript, []string{messageKey(tenant, id), parkedKey(tenant, id)},
		request, receipt, maxParked, followup.DedupAge.Milliseconds())
	if err = cmp.Or(err, s.checkReply("message", v)); err != nil {
		return followup.MessageRef{}, fmt.Errorf("find message: %w", err)
	}
	l, _ := v.([]any)
	if len(l) == 0 {
		return followup.MessageRef{}, followup.ErrNotFound
	}
	ref := messageRef(l)
	ref.Waiting = reply(l).text(4) != ""
	return ref, nil
}

// Opaque implements followup.MessageStore.
func (s *Store) Opaque(ctx context.Context, tenant followup.TenantID, id followup.AttemptID) (string, error) {
	lead := id.Lead()
	var owner, attempt *redis.StringCmd
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		owner = p.HGet(ctx, s.tag(lead).lead(lead), "t")
		attempt = p.HGet(ctx, s.tag(lead).attempts(lead), string(id))
	}); err != nil {
		return "", fmt.Errorf("read attempt: %w", err)
	}
	if owner.Val() != string(tenant) || attempt.Val() == "" {
		return "", followup.ErrNotFound
	}
	var a struct {
		Opaque string `json:"o"`
	}
	if err := json.Unmarshal([]byte(attempt.Val()), &a); err != nil {
		return "", fmt.Errorf("read attempt: %w", errReply)
	}
	return a.Opaque, nil
}
