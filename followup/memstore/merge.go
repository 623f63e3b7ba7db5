package memstore

import (
	"slices"
	"time"

	"wagate/followup"
)

// merge imports the loser's state into the winner and leaves the loser as a tombstone that keeps its
// runs and attempts. The loser may be a stand-in, which has no record.
func (s *Store) merge(winner, loser *lead, now time.Time) {
	// The happenings of the ended runs go into the loser's queues, behind what waits there.
	t := s.begin(loser, now, now)
	t.endAll(followup.Merged)
	s.reportEnded(t.ended)

	for a, owner := range s.aliases {
		if owner == loser.rec.ID {
			s.aliases[a] = winner.rec.ID
		}
	}
	theirs := followup.Lead{Windows: loser.windows}
	if !loser.standIn {
		theirs = loser.rec
		theirs.Windows = loser.windows
		winner.changed(now)
	}
	winner.rec.Windows = winner.windows
	winner.rec = winner.rec.TakeIn(theirs)
	winner.windows, winner.rec.Windows = winner.rec.Windows, nil
	for c, theirs := range loser.histories {
		h := slices.Concat(winner.histories[c], theirs)
		slices.SortStableFunc(h, func(a, b followup.Entry) int { return a.At.Compare(b.At) })
		winner.histories[c] = h[max(0, len(h)-followup.HistoryMessages):]
	}
	for id, at := range loser.seen {
		winner.seen[id] = followup.Later(winner.seen[id], at)
	}
	for a, q := range loser.queues {
		to := winner.queue(a)
		to.events = append(to.events, q.events...)
	}
	for _, d := range s.dead {
		if d.Lead == loser.rec.ID {
			d.Lead = winner.rec.ID
		}
	}
	left := newLead(followup.Lead{ID: loser.rec.ID, Tenant: loser.rec.Tenant})
	left.movedTo, left.runs, left.attempts = winner.rec.ID, loser.runs, loser.attempts
	s.leads[loser.rec.ID] = left

	word := s.begin(winner, now, now)
	word.optOut(loser.rec.OptedOut, loser.optedAt)
	s.reportEnded(word.ended)
}
