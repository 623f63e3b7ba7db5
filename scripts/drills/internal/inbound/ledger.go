package inbound

import (
	"sync"
	"sync/atomic"
	"time"
)

// arrival is one try of wagate to deliver, as the assistant noted it.
type arrival struct {
	at       time.Time
	tenant   int    // whose assistant
	delivery string // webhook-id
	sum      uint64 // of the body
	events   []int  // numbers of the events; strange for an event that nobody sent
	forged   int    // number of events that only a forged webhook can have brought
	unsigned bool   // not signed correctly
	raw      bool   // the tenant gets webhooks as they came
	status   int    // status of the answer; 0: none
}

// strange stands for an event that was never sent.
const strange = -1

// ledger is what the simulators note: the providers what they sent and what was acknowledged, the
// assistants what they got and how they answered.
type ledger struct {
	events  []event
	numbers map[string]int // of genuine events, by key

	mu        sync.Mutex
	sent      []bool // by event
	acked     []bool
	ackedAt   []time.Time // the first time
	arrivals  []arrival
	delivered []bool
	refused   []int // by event: how often the assistant rejected a delivery of this event alone

	posts, repeats, echoes, unanswered, busy, otherAnswers atomic.Int64
	// Answers to forged webhooks: refused for the signature, acknowledged and dropped, acknowledged
	// although the signature is bad, none.
	forgedRefused, forgedDropped, forgedTaken, forgedUnanswered atomic.Int64
}

func newLedger(events []event) *ledger {
	l := &ledger{
		events: events, numbers: make(map[string]int, len(events)),
		sent: make([]bool, len(events)), acked: make([]bool, len(events)), ackedAt: make([]time.Time, len(events)),
		delivered: make([]bool, len(events)), refused: make([]int, len(events)),
	}
	for n, e := range events {
		if e.nth >= 0 {
			l.numbers[e.key()] = n
		}
	}
	return l
}

// post notes that a webhook is posted for the first time.
func (l *ledger) post(events []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range events {
		l.sent[n] = true
	}
}

// acknowledge notes that a webhook was answered 200.
func (l *ledger) acknowledge(events []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for _, n := range events {
		if !l.acked[n] {
			l.acked[n], l.ackedAt[n] = true, now
		}
	}
}

// arrive notes a try and returns its number.
func (l *ledger) arrive(a arrival) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrivals = append(l.arrivals, a)
	return len(l.arrivals) - 1
}

// answer notes the answer to a try, before it is given.
func (l *ledger) answer(try, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &l.arrivals[try]
	a.status = status
	for _, n := range a.events {
		switch {
		case n == strange:
		case taken(status):
			l.delivered[n] = true
		case rejected(status) && len(a.events) == 1:
			l.refused[n]++
		}
	}
}

func taken(status int) bool    { return status >= 200 && status < 300 }
func rejected(status int) bool { return status == 400 || status == 413 || status == 422 }

// rejections is after how many rejections wagate gives up an event.
const rejections = 3

// missing returns the number of acknowledged events that no assistant has taken or rejected for
// good.
func (l *ledger) missing() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for i, acked := range l.acked {
		if acked && !l.delivered[i] && l.refused[i] < rejections {
			n++
		}
	}
	return n
}

// has reports whether an assistant has taken an event.
func (l *ledger) has(n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.delivered[n]
}

// open returns the number of events that were sent but not acknowledged.
func (l *ledger) open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for i, sent := range l.sent {
		if sent && !l.acked[i] && l.events[i].nth >= 0 {
			n++
		}
	}
	return n
}
