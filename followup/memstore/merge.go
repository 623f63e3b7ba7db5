package memstore

import (
	"cmp"
	"slices"
	"time"

	"wagate/followup"
)

// merge imports the loser's state into the winner and leaves the loser a
// tombstone that keeps its runs and attempts. Of a stand-in there is no record.
func (s *Store) merge(winner, loser *lead, now time.Time) {
	// The happenings of the ending are queued as the loser's, behind what waits there.
	t := s.on(loser, now, now)
	t.endAll(followup.Merged)
	s.tell(t.ended)

	for a, owner := range s.aliases {
		if owner == loser.rec.ID {
			s.aliases[a] = winner.rec.ID
		}
	}
	if !loser.account {
		mergeRecord(&winner.rec, loser.rec)
		winner.changed(now)
	}
	for c, theirs := range loser.windows {
		ours, had := winner.windows[c]
		w := ours
		if !had || theirs.LastInbound.After(ours.LastInbound) {
			w = theirs
		}
		w.UsedAt = later(ours.UsedAt, theirs.UsedAt)
		winner.windows[c] = w
	}
	for c, theirs := range loser.histories {
		h := slices.Concat(winner.histories[c], theirs)
		slices.SortStableFunc(h, func(a, b followup.Entry) int { return a.At.Compare(b.At) })
		winner.histories[c] = h[max(0, len(h)-followup.HistoryMessages):]
	}
	for id, at := range loser.seen {
		winner.seen[id] = later(winner.seen[id], at)
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

	word := s.on(winner, now, now)
	word.optOut(loser.rec.OptedOut, loser.optedAt)
	s.tell(word.ended)
}

// mergeRecord fills the winner's empty fields.
func mergeRecord(w *followup.Lead, l followup.Lead) {
	w.Name = cmp.Or(w.Name, l.Name)
	w.Phone = cmp.Or(w.Phone, l.Phone)
	w.UserID = cmp.Or(w.UserID, l.UserID)
	w.Email = cmp.Or(w.Email, l.Email)
	w.Company = cmp.Or(w.Company, l.Company)
	w.StatusID = cmp.Or(w.StatusID, l.StatusID)
	w.ExternalID = cmp.Or(w.ExternalID, l.ExternalID)
	w.Assistant = cmp.Or(w.Assistant, l.Assistant)
	w.Channel = cmp.Or(w.Channel, l.Channel)
	w.CRMAt = later(w.CRMAt, l.CRMAt)
	if len(w.CustomFields) == 0 {
		w.CustomFields = l.CustomFields
	}
}
