package ingest

import (
	"sync"
	"time"
)

// strayEvery is how often the same stray is told of.
const strayEvery = time.Hour

// strays is when each was last told of. What is authentic comes from few numbers.
type strays struct {
	mu   sync.Mutex
	told map[string]time.Time
}

// stray says in the log that an authentic webhook is dropped as the operator's file does not list
// whose it is, or binds that to another app: the sender has his 200 and notices nothing.
func (in *Ingest) stray(reason, whose string, facts ...any) {
	if in.strays.tells(reason+" "+whose, in.p.Real()) {
		in.log.Warn("the operator file lists no such channel for this app, its webhooks are dropped",
			append([]any{"reason", reason}, facts...)...)
	}
}

// tells says whether it is time to tell of one, and notes that it is told of.
func (s *strays) tells(one string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.told[one]; ok && now.Sub(last) < strayEvery {
		return false
	}
	s.told[one] = now
	return true
}
