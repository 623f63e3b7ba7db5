package memstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"wagate/followup"
)

// queue holds the events of one lead that wait for one assistant.
type queue struct {
	events []queued
	head   *frozen // the delivery at the head, once it has been claimed; nil before
	token  string  // of the claim that is out; empty: none
	lease  time.Time
	retry  time.Time // the head must not be tried earlier
	// The first ones events come from a split delivery and are delivered one by one. Since is when
	// that delivery was first claimed.
	ones  int
	since time.Time
}

type queued struct {
	event followup.RelayEvent
	at    time.Time // when it was settled; real time
}

// frozen is a delivery after its first claim: the first n events of its queue.
type frozen struct {
	id       string
	n        int
	tries    int // claims, except those that were released
	rejected int
	seen     bool // the assistant may have received it, although no try counts
	first    time.Time
}

// queue returns the lead's queue for an assistant.
func (l *lead) queue(a followup.AssistantID) *queue {
	q := l.queues[a]
	if q == nil {
		q = &queue{}
		l.queues[a] = q
	}
	return q
}

// readyAt returns when the head can be claimed; false if it can be claimed at once.
func (q *queue) readyAt() (time.Time, bool) {
	if q.token != "" {
		return q.lease, true
	}
	return q.retry, !q.retry.IsZero()
}

// cut returns how many events at the head make up one delivery.
func (q *queue) cut(c followup.ClaimDeliveries) int {
	first, size := q.events[0].event, q.events[0].size()
	n := 1
	for ; n < len(q.events) && n < c.MaxEvents && first.Raw == nil; n++ {
		if e := q.events[n].event; e.Raw != nil || e.Channel != first.Channel {
			break
		}
		if size += q.events[n].size(); c.MaxBytes > 0 && size > c.MaxBytes {
			break
		}
	}
	return n
}

// size returns approximately how long the event is as JSON, in bytes.
func (q queued) size() int { return len(q.event.Value) + len(q.event.Channel) + len(q.event.Field) }

// ClaimDeliveries implements followup.RelayStore.
func (s *Store) ClaimDeliveries(ctx context.Context, c followup.ClaimDeliveries) ([]followup.Delivery, time.Duration, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer unlock()
	real := ms(c.Real)

	var ready []candidate
	next := maxNext
	for _, l := range s.leads {
		for a, q := range l.queues {
			if len(q.events) == 0 || c.OfAssistant.Of(a) == 0 || c.OfTenant.Of(c.Tenants[a]) == 0 {
				continue
			}
			if at, waits := q.readyAt(); waits && at.After(real) {
				next = min(next, at.Sub(real))
				continue
			}
			ready = append(ready, candidate{l, a, q})
		}
	}
	out := []followup.Delivery{}
	for _, x := range s.fair(ready, c) {
		if len(out) >= c.Limit {
			return out, 0, nil
		}
		out = append(out, x.q.claim(x.l, x.a, real, c))
		s.relayTenant = c.Tenants[x.a]
		s.relayAssistant[c.Tenants[x.a]] = x.a
		next = min(next, c.Lease)
	}
	return out, next, nil
}

// candidate is a queue that may be claimed.
type candidate struct {
	l *lead
	a followup.AssistantID
	q *queue
}

// fair returns the candidates in the order in which they are served, without those that exceed a
// bound.
func (s *Store) fair(ready []candidate, c followup.ClaimDeliveries) []candidate {
	slices.SortFunc(ready, func(a, b candidate) int {
		return cmp.Or(a.q.events[0].at.Compare(b.q.events[0].at), cmp.Compare(a.l.rec.ID, b.l.rec.ID))
	})
	ready = within(ready, func(x candidate) followup.AssistantID { return x.a }, c.OfAssistant)
	tenant := func(x candidate) followup.TenantID { return c.Tenants[x.a] }
	var lines []candidate
	for t, line := range groups(ready, tenant) {
		lines = append(lines, roundRobin(line, func(x candidate) followup.AssistantID { return x.a }, s.relayAssistant[t])...)
	}
	return roundRobin(within(lines, tenant, c.OfTenant), tenant, s.relayTenant)
}

// within drops the items that exceed their owner's bound.
func within[T any, K comparable](items []T, owner func(T) K, b followup.Bound[K]) []T {
	taken := map[K]int{}
	return slices.DeleteFunc(items, func(it T) bool {
		taken[owner(it)]++
		return taken[owner(it)] > b.Of(owner(it))
	})
}

// claim takes the head of a queue under a lease.
func (q *queue) claim(l *lead, a followup.AssistantID, real time.Time, c followup.ClaimDeliveries) followup.Delivery {
	if q.head == nil {
		q.head = &frozen{id: uuid.NewString(), n: q.cut(c), first: real}
		if q.ones > 0 {
			q.head.n, q.head.first = 1, q.since
		}
	}
	q.token, q.lease, q.retry = uuid.NewString(), ms(real.Add(c.Lease)), time.Time{}
	channel := q.events[0].event.Channel
	d := followup.Delivery{
		ID: q.head.id, Token: q.token, Tenant: l.rec.Tenant, Assistant: a, Lead: l.rec.ID, Channel: channel,
		Attempts: q.head.tries, Rejected: q.head.rejected,
		FirstAt: q.head.first, QueuedAt: q.events[0].at, Window: l.windows[channel],
	}
	q.head.tries++
	for _, e := range q.events[:q.head.n] {
		d.Events = append(d.Events, clone(e.event))
	}
	return d
}

// FinishDelivery implements followup.RelayStore.
func (s *Store) FinishDelivery(ctx context.Context, f followup.FinishDelivery) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	d := f.Delivery
	l := s.leads[d.Lead]
	if l == nil || l.rec.Tenant != d.Tenant {
		return followup.ErrStale
	}
	q := l.queues[d.Assistant]
	if q == nil || q.token == "" || q.token != d.Token || q.head.id != d.ID {
		return followup.ErrStale
	}
	q.token, q.lease = "", time.Time{}
	switch {
	case f.Delivered:
		q.shift()
	case f.Release:
		q.head.tries--
		q.head.seen = q.head.seen || f.Seen
		if q.head.tries == 0 && !q.head.seen {
			q.head = nil
		}
	case f.Split:
		q.ones, q.since = q.head.n, q.head.first
		q.head = nil
	case f.Dead != "":
		s.addDeadLetter(l, d.Assistant, q, f)
		q.shift()
	default:
		q.retry = ms(f.RetryAt)
		if f.Rejected {
			q.head.rejected++
		}
	}
	return nil
}

// shift removes the delivery at the head, with its events.
func (q *queue) shift() {
	q.events = slices.Clone(q.events[q.head.n:])
	q.ones = max(0, q.ones-q.head.n)
	q.head, q.retry = nil, time.Time{}
}
