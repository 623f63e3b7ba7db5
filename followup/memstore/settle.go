package memstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// Settle implements followup.SettleStore.
func (s *Store) Settle(ctx context.Context, st followup.Settlement) (followup.Settled, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return followup.Settled{}, err
	}
	defer unlock()
	l, err := s.settlementLead(st)
	if err != nil {
		return followup.Settled{}, err
	}

	t := s.begin(l, st.Now, st.Real)
	for id, at := range l.seen {
		if t.real.Sub(at) > followup.DedupAge {
			delete(l.seen, id)
		}
	}
	if s.full(l, st.Items) {
		return followup.Settled{}, followup.ErrBacklog
	}
	if !st.Account {
		l.learnContact(st.Now, st.Contact)
	}
	out := followup.Settled{}
	relayed := map[*followup.RelayEvent]bool{}
	out.Fresh = l.fresh(st.Items)
	for i, item := range st.Items {
		if !out.Fresh[i] {
			continue
		}
		if item.DedupID != "" {
			l.seen[item.DedupID] = t.real
		}
		if item.Relay != nil && !relayed[item.Relay] {
			relayed[item.Relay], out.Due = true, true
			t.relay(item.Assistant, clone(*item.Relay))
		}
		if !st.Account {
			out.Rearm = append(out.Rearm, t.apply(item, st.Contact)...)
		}
	}
	slices.Sort(out.Rearm)
	out.Rearm = slices.Compact(out.Rearm)
	out.Ended, out.Corrections = t.ended, t.corrections
	out.Due = out.Due || len(out.Ended)+len(out.Corrections) > 0
	return out, nil
}

// settlementLead returns the lead that a settlement is about. A stand-in is created when it is first
// needed, and again once it has pointed to a lead for PointerAge.
func (s *Store) settlementLead(st followup.Settlement) (*lead, error) {
	if !st.Account {
		return s.find(st.Tenant, st.Lead)
	}
	l := s.leads[st.Lead]
	if l != nil && l.movedTo != "" {
		if st.Now.Before(l.until) {
			return nil, followup.ErrLeadMoved
		}
		l = nil
	}
	if l == nil {
		l = newLead(followup.Lead{ID: st.Lead, Tenant: st.Tenant})
		l.standIn = true
		s.leads[st.Lead] = l
	}
	if l.rec.Tenant != st.Tenant {
		return nil, followup.ErrNotFound
	}
	return l, nil
}

// fresh reports for each item whether it is seen for the first time.
func (l *lead) fresh(items []followup.Item) []bool {
	fresh, here, out := make([]bool, len(items)), map[string]bool{}, l.rec.OptedOut
	for i, item := range items {
		_, before := l.seen[item.DedupID]
		before = before && (!item.Undated || out)
		fresh[i] = item.DedupID == "" || !here[item.DedupID] && !before
		here[item.DedupID] = here[item.DedupID] || fresh[i]
		if said := item.OptOut; fresh[i] && said != nil && (*said || ms(cmp.Or(item.OptOutAt, item.At)).After(l.optedAt)) {
			out = *said
		}
	}
	return fresh
}

// full reports whether a fresh item is to be relayed for which the backlog has no room.
func (s *Store) full(l *lead, items []followup.Item) bool {
	if s.MaxBacklog <= 0 {
		return false
	}
	for i, fresh := range l.fresh(items) {
		if !fresh || items[i].Relay == nil {
			continue
		}
		a := items[i].Assistant
		all, own := s.waiting()[a], len(l.queue(a).events)
		for _, d := range s.dead {
			if d.Tenant != l.rec.Tenant || d.Assistant != a {
				continue
			}
			all += d.Count
			if d.Lead == l.rec.ID {
				own += d.Count
			}
		}
		if all >= s.MaxBacklog || own >= followup.LeadBacklog(s.MaxBacklog) {
			return true
		}
	}
	return false
}

// waiting counts the events in the queues of each assistant.
func (s *Store) waiting() map[followup.AssistantID]int {
	waiting := map[followup.AssistantID]int{}
	for _, l := range s.leads {
		for a, q := range l.queues {
			waiting[a] += len(q.events)
		}
	}
	return waiting
}

// apply applies the effects of one fresh item of the contact, in the order of the contract. It returns
// the assistants whose rearm is to be started.
func (t *turn) apply(item followup.Item, by providers.Contact) []followup.AssistantID {
	if item.Opens {
		t.l.open(item.Channel, item.At, by)
	}
	if item.Opens || item.Reply || item.Outbound || item.Entry != nil {
		t.l.used(item.Channel, t.now)
	}
	if item.NewIdentity {
		for c, w := range t.l.windows {
			if !w.LastInbound.IsZero() {
				t.l.refuse(c, ms(item.At))
			}
		}
	}
	if item.OptOut != nil {
		t.optOut(*item.OptOut, cmp.Or(item.OptOutAt, item.At))
	}
	if item.Reply {
		t.reply(item.Channel, item.Assistant)
	}
	var rearm []followup.AssistantID
	if item.Outbound {
		rearm = t.spoke(item.Channel, item.Assistant, ms(item.At).Before(t.l.windows[item.Channel].LastInbound))
	}
	if item.Receipt != nil {
		t.receipt(*item.Receipt, item.At)
	}
	if item.Entry != nil {
		t.l.remember(item.Channel, *item.Entry)
	}
	return rearm
}

// optOut applies a word of the lead on opt-out, said at the instant at.
func (t *turn) optOut(out bool, at time.Time) {
	at = ms(at)
	if at.Before(t.l.optedAt) || at.Equal(t.l.optedAt) && !out {
		return
	}
	t.l.optedAt = at
	if t.l.rec.OptedOut != out {
		t.l.rec.OptedOut = out
		t.l.changed(t.now)
	}
	if out {
		t.endAll(followup.OptedOut)
	}
}

// concerned returns the live runs that a reply or message on this channel of this assistant concerns.
func (t *turn) concerned(c followup.ChannelID, a followup.AssistantID) []*run {
	return slices.DeleteFunc(t.l.liveRuns(), func(r *run) bool {
		return r.Assistant != a && r.Channel != c
	})
}

// reply ends the runs concerned; those started with RearmOnReply leave a rearm waiting. A rearm that
// waits for assistant a needs the business to speak again after this reply.
func (t *turn) reply(c followup.ChannelID, a followup.AssistantID) {
	for _, r := range t.concerned(c, a) {
		if r.rearm {
			t.l.rearms[r.Assistant] = rearm{status: t.l.rec.StatusID}
		}
		t.end(r, followup.Replied)
	}
	if waits, ok := t.l.rearms[a]; ok {
		waits.spoke = false
		t.l.rearms[a] = waits
	}
}

// spoke starts the wait of the current steps again, because the silence that they measure was broken.
// It never brings a step forward: a step that was put off stays put off. For a step in sending, the
// new wait counts only if the step turns out not to have been sent. Early says that the business
// spoke before the lead last wrote; that starts no rearm. It returns the assistant whose rearm is to
// be started, if any.
func (t *turn) spoke(c followup.ChannelID, a followup.AssistantID, early bool) []followup.AssistantID {
	for _, r := range t.concerned(c, a) {
		if again := t.now.Add(r.Interval); r.State != followup.RunSending {
			r.armAt(followup.Later(r.DueAt, again))
		} else if a := t.attemptOf(r.attempt); a != nil {
			a.unsentNotBefore = followup.Later(a.unsentNotBefore, again)
		}
	}
	if waits, ok := t.l.rearms[a]; ok && waits.status == t.l.rec.StatusID && !early {
		waits.spoke, waits.channel, waits.since = true, c, t.l.windows[c].LastInbound
		t.l.rearms[a] = waits
		return []followup.AssistantID{a}
	}
	return nil
}
