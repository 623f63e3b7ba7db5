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
	now := in.p.Real()
	in.strays.mu.Lock()
	defer in.strays.mu.Unlock()
	told := reason + " " + whose
	if last, ok := in.strays.told[told]; ok && now.Sub(last) < strayEvery {
		return
	}
	in.strays.told[told] = now
	in.log.Warn("the operator file lists no such channel for this app, its webhooks are dropped",
		append([]any{"reason", reason}, facts...)...)
}
