package ingest

import "time"

// strayEvery is how often the log repeats the same stray. Only authentic webhooks count, and those
// come from few numbers.
const strayEvery = time.Hour

// stray says in the log that an authentic webhook is dropped as the operator's file does not list
// whose it is, or binds that to another app: the sender has his 200 and notices nothing.
func (in *Ingest) stray(reason, whose string, facts ...any) {
	if in.strays.Allow(reason+" "+whose, in.p.Real()) {
		in.log.Warn("the operator file lists no such channel for this app, its webhooks are dropped",
			append([]any{"reason", reason}, facts...)...)
	}
}
