package timers

import (
	"sync"
	"sync/atomic"
	"time"
)

// journal is what the simulators and the crowd note.
type journal struct {
	mu     sync.Mutex
	leads  []*lead
	phones map[string]*lead
	texts  map[string]writing // by text: what the model wrote

	posts, unanswered, busy, otherwise, strangers, deliveries, receipts atomic.Int64
	modelCalls, modelFailed                                             atomic.Int64
}

// writing says for which lead and step the model wrote a text, and at what time it was given at the
// earliest.
type writing struct {
	lead *lead
	step int
	at   time.Time
}

func newJournal(leads []*lead) *journal {
	j := &journal{leads: leads, phones: map[string]*lead{}, texts: map[string]writing{}}
	for _, l := range leads {
		j.phones[l.phone] = l
	}
	return j
}

// begin notes that a deed is about to be told to wagate. The returned function notes that wagate
// has acknowledged it.
func (j *journal) begin(l *lead, w what) (done func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	l.book.deeds = append(l.book.deeds, deed{what: w, began: time.Now()})
	n := len(l.book.deeds) - 1
	return func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		l.book.deeds[n].done = time.Now()
	}
}

// wrote notes a text of the model.
func (j *journal) wrote(text string, w writing) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.texts[text] = w
}

func (j *journal) writing(text string) (writing, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	w, ok := j.texts[text]
	return w, ok
}

// call notes a call and returns its number.
func (j *journal) call(l *lead, c call) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	l.book.calls = append(l.book.calls, c)
	return len(l.book.calls) - 1
}

// refusals returns how many of the latest calls for a lead, in a row, were answered "not now".
func (j *journal) refusals(l *lead) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for i := len(l.book.calls) - 1; i >= 0 && l.book.calls[i].answer == notNow; i-- {
		n++
	}
	return n
}

// receipt notes that a receipt was acknowledged.
func (j *journal) receipt(l *lead, n int, failed bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if failed {
		l.book.calls[n].failed = true
	} else {
		l.book.calls[n].delivered = true
	}
}
