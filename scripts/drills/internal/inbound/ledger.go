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
	events   []int  // numbers; strange for what nobody sent
	forged   int    // how many events only a forged webhook can have brought
	unsigned bool   // the signatures are not what they should be
	raw      bool   // as the provider's webhook came
	status   int    // what it was answered; 0: nothing
}

// strange stands for an event that was never sent.
const strange = -1

// ledger is what the simulators note: providers what they sent and what was
// acknowledged, assistants what they got and how they answered.
type ledger struct {
	events  []event
	numbers map[string]int // of genuine events, by key

	mu        sync.Mutex
	sent      []bool // by event
	acked     []bool
	ackedAt   []time.Time // the first time
	arrivals  []arrival
	delivered []bool
	refused   []int // how often the assistant rejected a delivery of nothing else

	posts, repeats, echoes, unanswered, busy, otherAnswers atomic.Int64
	// Answers to forged webhooks: refused by their signature, acknowledged and to
	// be dropped, acknowledged though the signature is bad.
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

// post notes that a webhook leaves for the first time.
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

// answer notes what a try was answered, before it is.
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

// rejections is after how many of them wagate gives an event up.
const rejections = 3

// missing is how many acknowledged events no assistant has taken or refused for
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

// open is how many events were sent and not acknowledged.
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
