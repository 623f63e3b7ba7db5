package timers

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"
)

const runsPath = "/backend/followup/runs"

// listed is a list of runs as the API gives it, newest first.
type listed struct {
	Data []struct {
		ID        string    `json:"id"`
		State     string    `json:"state"`
		Reason    string    `json:"reason"`
		StartedAt time.Time `json:"started_at"`
		Timeline  []struct {
			Step      int       `json:"step"`
			Outcome   string    `json:"outcome"`
			Reason    string    `json:"reason"`
			MessageID string    `json:"message_id"`
			Settled   string    `json:"settled"`
			DueAt     time.Time `json:"due_at"`
		} `json:"timeline"`
	} `json:"data"`
}

// runs returns the runs in the account's form, oldest first.
func (l listed) runs(c clock) []run {
	var all []run
	for _, r := range l.Data {
		one := run{id: r.ID, state: r.State, reason: r.Reason, started: c.real(r.StartedAt)}
		for _, m := range r.Timeline {
			one.due = c.real(m.DueAt)
			one.moments = append(one.moments, moment{m.Step, m.Outcome, m.Reason, m.MessageID, m.Settled})
		}
		all = append(all, one)
	}
	slices.Reverse(all)
	return all
}

// readers is how many leads are read at the same time.
const readers = 24

// readRuns reads the runs of leads into their books. It returns the leads that have a run that has
// not ended.
func readRuns(ctx context.Context, a *api, c clock, leads []*lead) []*lead {
	var mu sync.Mutex
	var live []*lead
	next := make(chan *lead)
	var reading sync.WaitGroup
	for range readers {
		reading.Go(func() {
			for l := range next {
				var all listed
				if a.ask(ctx, l.tenant, http.MethodGet, runsPath+"?lead_id="+l.id, nil, &all) != http.StatusOK {
					continue
				}
				l.book.runs = all.runs(c)
				if slices.ContainsFunc(l.book.runs, func(r run) bool { return r.state != "ended" }) {
					mu.Lock()
					live = append(live, l)
					mu.Unlock()
				}
			}
		})
	}
	for _, l := range leads {
		if l.id != "" {
			next <- l
		}
	}
	close(next)
	reading.Wait()
	return live
}
