package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

var (
	takeScript    = loadFailFast("relay_take")
	deliverScript = load("relay_finish")
)

// ClaimDeliveries implements followup.RelayStore. It finds the queues with plain reads and claims
// each with a script, which looks at the queue again; so only one of several replicas that find the
// same queue gets it.
func (s *Store) ClaimDeliveries(
	ctx context.Context, c followup.ClaimDeliveries,
) ([]followup.Delivery, time.Duration, error) {
	due, next, err := s.dueAssistants(ctx, c)
	if err != nil {
		return nil, 0, fmt.Errorf("look for deliveries: %w", err)
	}
	if len(due) == 0 {
		return nil, next, nil
	}
	if c.Limit <= 0 {
		return nil, 0, nil
	}
	picked, next, err := s.pick(ctx, c, due, next)
	if err != nil {
		return nil, 0, fmt.Errorf("look for deliveries: %w", err)
	}
	out, missed, err := s.take(ctx, c, picked)
	if len(out) > 0 && err != nil {
		// What was claimed is under lease and must be handed out. If the other queues still cannot be
		// claimed, the next call returns the error.
		next, err = min(next, heldBack), nil
	}
	if _, cluster := s.db.(*redis.ClusterClient); cluster && ctx.Err() == nil && ofOne(err) {
		// The caller backs off after an error, and the queues of the other nodes must not wait for that.
		s.leftForLater(leftUnclaimed, err)
		next, err = min(next, heldBack), nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("claim deliveries: %w", err)
	}
	if missed > 0 {
		next = min(next, time.Millisecond) // another replica was quicker: look again soon
	}
	return out, min(next, max(c.Lease, 0)), nil
}

// ofOne reports whether an error concerns only one node of a cluster, or one slot: all nodes had
// answered just before.
func ofOne(err error) bool {
	_, asked := redis.IsAskError(err)
	return asked || redis.IsTryAgainError(err) || errors.Is(err, followup.ErrNotDurable) || errors.Is(err, context.DeadlineExceeded)
}

// take claims the queues. missed counts those that could no longer be claimed, or whose lead was
// merged.
func (s *Store) take(
	ctx context.Context, c followup.ClaimDeliveries, picked []waitingQueue,
) (out []followup.Delivery, missed int, err error) {
	jobs, tokens := make([]job, len(picked)), make([]string, len(picked))
	for i, q := range picked {
		tokens[i] = s.newToken()
		jobs[i] = job{
			keys: []string{
				q.t.queue(q.lead, q.assistant), q.t.frozen(q.lead, q.assistant), q.t.relayDue(q.assistant),
				q.t.relayIndex(), q.t.lead(q.lead),
			},
			args: []any{
				string(q.lead), string(q.assistant), tokens[i], uuid.NewString(),
				ms(c.Real), ms(c.Real.Add(c.Lease)), max(c.MaxEvents, 1), c.MaxBytes,
			},
		}
	}
	answers := s.takeEach(ctx, jobs)
	var back sync.WaitGroup
	defer back.Wait()
	for i, q := range picked {
		if answers[i].err != nil {
			err = answers[i].err
			if errors.Is(err, followup.ErrNotDurable) {
				back.Go(func() { s.handBack(ctx, c.Real, q, tokens[i]) })
			}
			continue
		}
		r, _ := answers[i].value.([]any)
		if len(r) == 0 {
			missed++
			continue
		}
		if reply(r).text(0) == "newer" {
			s.leftForLater(leftToNewer, fmt.Errorf("delivery left alone: lead %w", errNewer))
			continue
		}
		if reply(r).text(0) == "moved" {
			missed++
			if failed := s.forward(ctx, followup.TenantID(reply(r).text(1)), q.lead); failed != nil {
				err = failed
			}
			continue
		}
		out = append(out, delivery(q, r))
	}
	return out, missed, err
}

// takeEach runs the claims. It repeats those whose answer did not come: what they claimed would
// otherwise wait for the end of its lease. The script takes a claim with the same token as the same
// claim. A queue whose slot is moving is not waited for, because the others are under lease
// meanwhile.
func (s *Store) takeEach(ctx context.Context, jobs []job) []answer {
	try := func(jobs []job) []answer {
		within, cancel := context.WithTimeout(ctx, s.patience.take)
		defer cancel()
		if s.durability.Replicas > 0 {
			return s.takeDurable(within, jobs)
		}
		return s.runEach(within, takeScript, jobs)
	}
	answers := try(jobs)
	var unknown []int
	var again []job
	for i, a := range answers {
		if a.err != nil && (broken(a.err) || errors.Is(a.err, context.DeadlineExceeded)) {
			unknown, again = append(unknown, i), append(again, jobs[i])
		}
	}
	if len(again) == 0 {
		return answers
	}
	for i, a := range try(again) {
		answers[unknown[i]] = a
	}
	return answers
}

// takeDurable runs the claims and waits until replicas have them, and with them all that is handed
// out. What only a master has may be lost with it: an assistant would then get the same events a
// second time, under another webhook-id.
func (s *Store) takeDurable(ctx context.Context, jobs []job) []answer {
	answers := make([]answer, len(jobs))
	var all sync.WaitGroup
	for i, j := range jobs {
		all.Go(func() { answers[i].value, answers[i].err = s.runDurable(ctx, takeScript, j.keys, j.args...) })
	}
	all.Wait()
	return answers
}

// handBack releases a claim that is not handed out, as if it had never been made. If that fails,
// the lease runs out.
func (s *Store) handBack(ctx context.Context, at time.Time, q waitingQueue, token string) {
	_ = s.FinishDelivery(ctx, followup.FinishDelivery{
		Delivery: followup.Delivery{Lead: q.lead, Assistant: q.assistant, Token: token}, Release: true, Real: at,
	})
}

// delivery reads the reply of lua/relay_take.lua. An event that cannot be read is handed out as
// unreadable, so that it does not block the events behind it.
func delivery(q waitingQueue, v []any) followup.Delivery {
	r := reply(v)
	d := followup.Delivery{
		Lead: q.lead, Assistant: q.assistant, ID: r.text(0), Token: r.text(1), FirstAt: fromMS(r.int(2)),
		Attempts: int(r.int(3)), Rejected: int(r.int(4)), Tenant: followup.TenantID(r.text(5)),
		Window: followup.Conversation{
			LastInbound: fromMS(r.int(6)), Refused: r.text(7) == "1", UsedAt: fromMS(r.int(8)),
		},
	}
	for i, e := range r.list(9) {
		text, _ := e.(string)
		at, event := element(text)
		if i == 0 {
			d.QueuedAt, d.Channel = fromMS(at), event.Channel
		}
		d.Events = append(d.Events, event)
	}
	return d
}

// queuedAt returns when an element was queued, in milliseconds; 0 if the text is no element.
func queuedAt(text string) int64 {
	rest, _ := strings.CutPrefix(text, `{"t":`)
	digits, _, _ := strings.Cut(rest, ",")
	at, _ := strconv.ParseInt(digits, 10, 64)
	return at
}

// FinishDelivery implements followup.RelayStore.
func (s *Store) FinishDelivery(ctx context.Context, f followup.FinishDelivery) error {
	d := f.Delivery
	t := s.tag(d.Lead)
	verb, letter := "retry", ""
	switch {
	case f.Delivered:
		verb = "delivered"
	case f.Release:
		verb = "release"
		if f.Seen {
			verb = "keep"
		}
	case f.Split:
		verb = "split"
	case f.Dead != "":
		verb = "dead"
		letter = marshal(storedLetter{
			Version: formatVersion,
			DeadLetter: followup.DeadLetter{
				ID: s.letterID(d.Lead, d.ID), Tenant: d.Tenant, Assistant: d.Assistant, Lead: d.Lead,
				Channel: d.Channel, Reason: f.Dead, Attempts: d.Attempts + 1, QueuedAt: d.QueuedAt.UTC(),
				DeadAt: fromMS(ms(f.Real)), Count: len(d.Events), Events: d.Events,
			},
		})
	}
	v, err := s.run(ctx, deliverScript,
		[]string{
			t.queue(d.Lead, d.Assistant), t.frozen(d.Lead, d.Assistant), t.relayDue(d.Assistant), t.relayIndex(),
			t.dead(), t.deadOf(d.Tenant), t.deadLetters(), t.relayBacklog(), t.lead(d.Lead), t.deadCounted(),
		},
		string(d.Lead), string(d.Assistant), d.Token, s.newToken(), verb, ms(f.RetryAt), flag(f.Rejected),
		deadMember(d.ID, d.Lead), ms(f.Real), d.ID, letter, flag(d.Lead.StandIn()), countsAs(d.Tenant, d.Assistant, len(d.Events)))
	if err != nil {
		return fmt.Errorf("finish delivery: %w", err)
	}
	if v != "ok" {
		return followup.ErrStale
	}
	return nil
}

// flag returns a boolean as scripts see it: "1" or "0".
func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
