package inbound

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// books are what the simulators noted, and which events are in dead letters.
type books struct {
	events   []event
	sent     []bool // by event
	acked    []bool
	arrivals []arrival // in order
	dead     []int     // numbers of events; strange for an event that nobody sent
}

// tally is the account: what became of the events.
type tally struct {
	sent, acked, delivered, dead int
	// repeated counts tries that brought events under a webhook-id that the assistant had already
	// seen: this is delivery at least once at work.
	repeated int
	raw      int // tries that brought a webhook as it came, whole or narrowed

	// The rest must be zero.
	lost      int // acknowledged, but neither delivered nor dead
	open      int // sent, but not acknowledged in the end
	doubled   int // shown under two webhook-ids, neither of which was rejected
	reordered int // first shown, or first taken, after an event of the same lead that was sent later
	admitted  int // events that only a forged webhook can have brought
	astray    int // shown to another tenant's assistant
	unknown   int // sent by nobody
	changed   int // tries whose body differs from the earlier one under the same webhook-id
	unsigned  int // tries that are not signed correctly
}

// tally draws up the account. It also returns the events that were lost, doubled or reordered.
func (b books) tally() (t tally, wrong []int) {
	var shown, delivered sequence
	under := map[int]string{}     // the webhook-id under which an event was shown
	bodies := map[string]uint64{} // by webhook-id
	refused := b.refusedIDs()
	dead, doubled := map[int]bool{}, map[int]bool{}
	for _, a := range b.arrivals {
		sum, again := bodies[a.delivery]
		switch {
		case !again:
			bodies[a.delivery] = a.sum
		case sum != a.sum:
			t.changed++
		default:
			t.repeated++
		}
		if a.unsigned {
			t.unsigned++
		}
		t.raw += one(a.raw)
		t.admitted += a.forged
		for _, n := range a.events {
			if n == strange {
				t.unknown++
				continue
			}
			e := b.events[n]
			if a.tenant != e.lead.tenant.number {
				t.astray++
			}
			shown.add(n, e)
			if taken(a.status) {
				delivered.add(n, e)
			}
			if refused[a.delivery] {
				continue // split: its events come again one by one
			}
			if id, ok := under[n]; ok && id != a.delivery {
				doubled[n] = true
			}
			under[n] = a.delivery
		}
	}
	for _, n := range b.dead {
		if n == strange {
			t.unknown++
			continue
		}
		dead[n] = true
	}
	for n, e := range b.events {
		if e.nth < 0 {
			continue
		}
		lost, late := b.acked[n] && !delivered.has[n] && !dead[n], shown.late[n] || delivered.late[n]
		if lost || late || doubled[n] {
			wrong = append(wrong, n)
		}
		t.sent += one(b.sent[n])
		t.acked += one(b.acked[n])
		t.open += one(b.sent[n] && !b.acked[n])
		t.delivered += one(delivered.has[n])
		t.dead += one(dead[n])
		t.lost += one(lost)
		t.doubled += one(doubled[n])
		t.reordered += one(late)
	}
	return t, wrong
}

// story describes when an event was acknowledged and shown, in seconds since an instant.
func (l *ledger) story(n int, since time.Time) string {
	e := l.events[n]
	var b strings.Builder
	fmt.Fprintf(&b, "event %s, %d of lead %d of %s, acknowledged %.3fs", e.key(), e.nth, e.lead.number, e.lead.tenant.name,
		l.ackedAt[n].Sub(since).Seconds())
	for _, a := range l.arrivals {
		if slices.Contains(a.events, n) {
			fmt.Fprintf(&b, ", shown %.3fs with %d others under %s: %d", a.at.Sub(since).Seconds(), len(a.events)-1, a.delivery, a.status)
		}
	}
	return b.String()
}

// sequence records the order in which events first came.
type sequence struct {
	has, late map[int]bool  // late: after an event of the same lead that was sent later
	last      map[*lead]int // the latest event so far
}

func (s *sequence) add(n int, e event) {
	if s.has == nil {
		s.has, s.late, s.last = map[int]bool{}, map[int]bool{}, map[*lead]int{}
	}
	if s.has[n] {
		return
	}
	s.has[n] = true
	if e.nth < s.last[e.lead] {
		s.late[n] = true
	}
	s.last[e.lead] = max(s.last[e.lead], e.nth)
}

// refusedIDs returns the webhook-ids that the assistant rejected at least once and never took.
func (b books) refusedIDs() map[string]bool {
	refused := map[string]bool{}
	for _, a := range b.arrivals {
		if rejected(a.status) {
			refused[a.delivery] = true
		}
	}
	for _, a := range b.arrivals {
		if taken(a.status) {
			delete(refused, a.delivery)
		}
	}
	return refused
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}
