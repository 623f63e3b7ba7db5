package ingest

import "time"

// strayEvery is how often the log repeats the same stray. Only authentic webhooks count, and those
// come from few numbers.
const strayEvery = time.Hour

// stray logs that an authentic webhook is dropped because the operator's file does not list its
// channel or account, or binds it to another app. The sender gets 200 and notices nothing.
func (in *Ingest) stray(reason, whose string, facts ...any) {
	if in.strays.Allow(reason+" "+whose, in.p.Real()) {
		in.log.Warn("the operator file lists no such channel for this app, its webhooks are dropped",
			append([]any{"reason", reason}, facts...)...)
	}
}
