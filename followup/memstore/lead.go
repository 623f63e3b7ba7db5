package memstore

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"wagate/followup"
	"wagate/followup/window"
	"wagate/providers"
)

// lead is everything known of one lead.
type lead struct {
	rec     followup.Lead // without windows
	standIn bool          // not a lead but a stand-in

	// movedTo is the lead that this one was merged into. A merged lead keeps only its runs and
	// attempts; an erased lead keeps nothing.
	movedTo followup.LeadID
	erased  bool
	until   time.Time // until when a stand-in points to movedTo

	optedAt time.Time // when the lead's last word on opt-out was said

	windows   map[followup.ChannelID]followup.Conversation
	histories map[followup.ChannelID][]followup.Entry
	seen      map[string]time.Time // first sights, real time
	runs      map[followup.RunID]*run
	attempts  map[followup.AttemptID]*attempt
	nRuns     int
	nAttempts int
	rearms    map[followup.AssistantID]rearm
	queues    map[followup.AssistantID]*queue
}

// rearm is a run to be started once the business speaks again after a reply.
type rearm struct {
	status  string // the lead's status at the reply
	spoke   bool   // the business has spoken, and the lead has not answered since
	channel followup.ChannelID
	since   time.Time // what the channel's window counted from when the business spoke
}

func newLead(rec followup.Lead) *lead {
	return &lead{
		rec:       rec,
		windows:   map[followup.ChannelID]followup.Conversation{},
		histories: map[followup.ChannelID][]followup.Entry{},
		seen:      map[string]time.Time{},
		runs:      map[followup.RunID]*run{},
		attempts:  map[followup.AttemptID]*attempt{},
		rearms:    map[followup.AssistantID]rearm{},
		queues:    map[followup.AssistantID]*queue{},
	}
}

func (l *lead) moved() bool { return l.erased || l.movedTo != "" }

// find returns the tenant's lead, ErrNotFound or ErrLeadMoved. Stand-ins are not found.
func (s *Store) find(tenant followup.TenantID, id followup.LeadID) (*lead, error) {
	l := s.leads[id]
	if l == nil || l.rec.Tenant != tenant || l.standIn {
		return nil, followup.ErrNotFound
	}
	if l.moved() {
		return nil, followup.ErrLeadMoved
	}
	return l, nil
}

// heir returns the lead whose queues and windows take what concerns l: l itself or, at the end of the
// chain, the lead it was merged into; nil if that is erased.
func (s *Store) heir(l *lead) *lead {
	for l != nil && l.movedTo != "" {
		l = s.leads[l.movedTo]
	}
	if l == nil || l.erased {
		return nil
	}
	return l
}

// changed counts a change of the record.
func (l *lead) changed(now time.Time) {
	l.rec.Revision++
	l.rec.UpdatedAt = ms(now)
}

// view returns a copy of the record with its windows.
func (l *lead) view() followup.Lead {
	out := l.rec
	out.OptOutSaidAt = l.optedAt
	if out.CustomFields != nil {
		out.CustomFields = cloneFields(out.CustomFields)
	}
	out.Windows = make(map[followup.ChannelID]followup.Conversation, len(l.windows))
	maps.Copy(out.Windows, l.windows)
	return out
}

// setIdentity gives the record this phone and user id. Each window stays open to whoever opened it.
func (l *lead) setIdentity(phone, user string) {
	if phone != l.rec.Phone || user != l.rec.UserID {
		for c, w := range l.windows {
			l.windows[c] = w.Renamed(l.rec, phone, user)
		}
	}
	l.rec.Phone, l.rec.UserID = phone, user
}

// open makes the window of a channel count from at, if that is later than what it counts from. By is
// the contact who wrote; zero for the contact that the record names.
func (l *lead) open(c followup.ChannelID, at time.Time, by providers.Contact) {
	at = ms(at)
	w := l.windows[c]
	if !at.After(w.LastInbound) {
		return
	}
	w.LastInbound, w.Refused, w.OpenedBy = at, false, l.rec.OpenerOf(by)
	l.windows[c] = w
}

func (l *lead) isOpen(c followup.ChannelID, to providers.Contact, now time.Time) bool {
	return l.view().WindowOpenTo(c, to, ms(now))
}

// closes returns when the window that a message relies on closes; zero if the message relies on none.
func (l *lead) closes(c followup.ChannelID, freeForm bool) time.Time {
	if !freeForm {
		return time.Time{}
	}
	return window.ClosesAt(l.windows[c].LastInbound)
}

// refuse marks the window of a channel refused, unless it counts from later than since. For a
// provider's "window closed", since is what the window counted from when the message was sent.
func (l *lead) refuse(c followup.ChannelID, since time.Time) {
	w := l.windows[c]
	if w.LastInbound.After(since) {
		return
	}
	w.Refused = true
	l.windows[c] = w
}

func (l *lead) used(c followup.ChannelID, now time.Time) {
	w := l.windows[c]
	w.UsedAt = followup.Later(w.UsedAt, ms(now))
	l.windows[c] = w
}

func (l *lead) remember(c followup.ChannelID, e followup.Entry) {
	e.At = ms(e.At)
	h := append(l.histories[c], e)
	l.histories[c] = h[max(0, len(h)-followup.HistoryMessages):]
}

// liveRuns returns the live runs in the order they were started.
func (l *lead) liveRuns() []*run {
	var out []*run
	for _, r := range l.runs {
		if r.live() {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, byStart)
	return out
}

func byStart(a, b *run) int {
	return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.ID, b.ID))
}
