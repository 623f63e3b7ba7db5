package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"wagate/followup"
	"wagate/providers"
)

func (m *model) resolve(t *rapid.T) {
	m.tick(t)
	var who followup.Identity
	if m.flip(t, "by phone") {
		who.Phone = m.phone(t)
	}
	if who.Phone == "" || m.rarely(t, 3, "and by user id") {
		who.UserID = pick(t, m.people, "user id of").UserID
	}
	m.meet(who, !m.rarely(t, 5, "only look"))
}

// identify tells both sides that identities belong to a lead. Sometimes there are none.
func (m *model) identify(t *rapid.T) {
	m.tick(t)
	k := m.lead(t)
	var who followup.Identity
	if m.flip(t, "the phone") {
		who.Phone = m.phone(t)
	}
	if m.flip(t, "an old phone") {
		who.OldPhone = m.phone(t)
	}
	if m.flip(t, "the user id") {
		who.UserID = pick(t, m.people, "user id of").UserID
	}
	create := m.flip(t, "create")
	both(m, "Resolve with the id of a lead", func(_ int, s *side) (followup.LeadID, error) {
		one := who
		one.Lead = s.leads[k]
		return s.Resolve(m.ctx, m.tenant, one, create, m.now)
	}, func(s *side, id followup.LeadID) any { return s.index(id) })
}

// mention settles an event about a contact who is no lead.
func (m *model) mention(t *rapid.T) {
	m.tick(t)
	who := followup.Identity{Phone: m.phone(t)}
	if m.flip(t, "by user id") {
		who = followup.Identity{UserID: pick(t, m.people, "user id of").UserID}
	}
	if _, known := both(m, "Resolve", func(_ int, s *side) (followup.LeadID, error) {
		return s.Resolve(m.ctx, m.tenant, who, false, m.now)
	}, func(s *side, id followup.LeadID) any { return s.index(id) }); known {
		t.Skip("he is a lead")
	}
	item, _ := m.item(t, -1)
	item.Receipt = nil
	both(m, "Settle", func(_ int, s *side) (followup.Settled, error) {
		return s.Settle(m.ctx, followup.Settlement{
			Tenant: m.tenant, Lead: followup.ContactLead(m.tenant, who), Account: true, Items: []followup.Item{item},
			Now: m.now, Real: m.now,
		})
	}, (*side).saySettled)
}

// addressee draws the contact that a message to a lead is addressed to, mostly the one in the
// record.
func (m *model) addressee(t *rapid.T, lead int) providers.Contact {
	switch rapid.IntRange(0, 5).Draw(t, "addressee") {
	case 0:
		return providers.Contact{Phone: m.phone(t)}
	case 1:
		return providers.Contact{UserID: pick(t, m.people, "user id of").UserID}
	}
	l, err := m.sides[0].Lead(m.ctx, m.tenant, m.sides[0].leads[lead])
	if err != nil && !errors.Is(err, followup.ErrNotFound) {
		t.Fatalf("Lead: %v", err)
	}
	return l.Contact()
}

// phone draws somebody's phone in one of its spellings.
func (m *model) phone(t *rapid.T) string {
	phone := pick(t, m.people, "phone of").Phone
	if m.rarely(t, 3, "in its other spelling") {
		return followup.PhoneTwin(phone)
	}
	return phone
}

// meet resolves an identity, and remembers the lead if it is new.
func (m *model) meet(who followup.Identity, create bool) {
	m.now = m.now.Add(time.Millisecond)
	ids, ok := both(m, "Resolve", func(_ int, s *side) (followup.LeadID, error) {
		return s.Resolve(m.ctx, m.tenant, who, create, m.now)
	}, func(s *side, id followup.LeadID) any { return s.index(id) })
	if ok && m.sides[0].index(ids[0]) < 0 {
		for i, s := range m.sides {
			s.leads = append(s.leads, ids[i])
		}
	}
}

// item draws one event of a lead, and the attempt that its receipt is about, which has another id
// on each side.
func (m *model) item(t *rapid.T, lead int) (item followup.Item, about *call) {
	m.nItems++
	c := rapid.IntRange(0, 2).Draw(t, "channel")
	item = followup.Item{
		DedupID: fmt.Sprintf("event %d", m.nItems), Channel: m.channels[c], Assistant: m.assistants[c/2],
		At: m.now.Add(-pick(t, []time.Duration{0, 0, time.Second, time.Hour, 23 * time.Hour}, "age")),
	}
	duplicate := m.rarely(t, 4, "a duplicate")
	if duplicate {
		item.DedupID = fmt.Sprintf("event %d", rapid.IntRange(1, m.nItems).Draw(t, "of"))
	}
	if m.rarely(t, 8, "channel bound to another assistant") {
		item.Assistant = m.assistants[1-c/2]
	}
	switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
	case kind < 3:
		item.Opens, item.Reply = true, true
		item.Entry = &followup.Entry{From: followup.FromLead, Text: item.DedupID, At: item.At}
	case kind == 3:
		item.Opens = true
	case kind == 4:
		item.OptOut = new(m.flip(t, "stop"))
		item.Undated = *item.OptOut && m.flip(t, "undated")
	case kind < 7:
		item.Outbound = true
		item.Entry = &followup.Entry{From: followup.FromBusiness, Text: item.DedupID, At: item.At}
	default:
		states := []providers.StatusState{
			providers.StatusAccepted, providers.StatusSent, providers.StatusDelivered, providers.StatusRead,
			providers.StatusFailed, providers.StatusFailed, providers.StatusFailed, providers.StatusOther,
		}
		item.Receipt = &followup.Receipt{State: pick(t, states, "state")}
		if item.Receipt.State == providers.StatusFailed {
			item.Receipt.Kind = pick(t, providers.ErrorKinds, "error")
		}
		calls := slices.DeleteFunc(slices.Clone(m.calls), func(c call) bool { return c.lead != lead })
		if len(calls) == 0 {
			calls = m.calls
		}
		if len(calls) > 0 {
			about = new(pick(t, calls, "attempt"))
		}
	}
	if duplicate {
		// A repetition must carry the same receipt as the first time, because a store may take from
		// it what it has lost of the receipt.
		was := m.receipts[item.DedupID]
		item.Receipt, about = was.receipt, was.about
	} else if about != nil && about.lead == lead {
		m.receipts[item.DedupID] = told{item.Receipt, about}
	}
	if m.flip(t, "relayed") {
		item.Relay = &followup.RelayEvent{
			Channel: item.Channel, Account: "acct", Field: "messages",
			Value: fmt.Appendf(nil, `{"id":%q}`, item.DedupID),
		}
		if m.rarely(t, 4, "as it came") {
			item.Relay = &followup.RelayEvent{Channel: item.Channel, Field: "messages", Raw: &followup.RawWebhook{Body: []byte(item.DedupID)}}
		}
	}
	return item, about
}

func (m *model) settle(t *rapid.T) {
	m.tick(t)
	k := m.lead(t)
	var items [2][]followup.Item
	for range rapid.IntRange(1, 3).Draw(t, "items") {
		item, about := m.item(t, k)
		if n := len(items[0]); n > 0 && items[0][n-1].Assistant == item.Assistant && m.rarely(t, 3, "shares the relay event before") {
			item.Relay = items[0][n-1].Relay
		}
		for i := range m.sides {
			one := item
			if about != nil {
				rc := *item.Receipt
				rc.Attempt = about.ids[i]
				one.Receipt = &rc
			}
			items[i] = append(items[i], one)
		}
	}
	contact := pick(t, []providers.Contact{{}, {Name: "Ana"}, {Name: "Bia"}}, "contact")
	if m.rarely(t, 4, "with a phone") {
		contact.Phone = m.phone(t)
	}
	if m.rarely(t, 4, "with a user id") {
		contact.UserID = pick(t, m.people, "user id of").UserID
	}
	live := m.live(k, items[1])
	out, ok := both(m, "Settle", func(i int, s *side) (followup.Settled, error) {
		return s.Settle(m.ctx, followup.Settlement{
			Tenant: m.tenant, Lead: s.leads[k], Contact: contact, Items: items[i], Now: m.now, Real: m.now,
		})
	}, (*side).saySettled)
	for i, runs := range live {
		for _, run := range runs {
			m.rules.replied[run] = m.rules.replied[run] || ok && out[1].Fresh[i]
		}
	}
}

func (m *model) arm(t *rapid.T) followup.Arm {
	a := rapid.IntRange(0, 1).Draw(t, "assistant")
	return followup.Arm{
		Config: m.configs[a], Assistant: m.assistants[a], Channel: pick(t, m.channels, "channel"), Ladder: "ladder",
		Interval: interval, RearmOnReply: m.flip(t, "rearm on reply"),
	}
}

func (m *model) put(t *rapid.T) {
	m.tick(t)
	k := m.lead(t)
	channel := pick(t, append(m.channels, ""), "its channel")
	p := followup.PutLead{StatusChanged: m.flip(t, "status changed"), Now: m.now, Real: m.now}
	if m.flip(t, "arms") {
		p.Arm = new(m.arm(t))
	}
	if channel != "" && m.rarely(t, 4, "cut-over") {
		p.WindowFrom = m.now.Add(-pick(t, []time.Duration{0, time.Hour, 30 * time.Hour, -time.Hour}, "from"))
	}
	status := pick(t, []string{"", "one", "two"}, "status")
	out, stale := m.rarely(t, 5, "opted out"), m.rarely(t, 6, "stale")
	var who followup.Identity // the identities that the lead is given
	if m.rarely(t, 4, "another phone") {
		who.Phone = m.phone(t)
	}
	if m.rarely(t, 6, "another user id") {
		who.UserID = pick(t, m.people, "user id of").UserID
	}
	if who != (followup.Identity{}) {
		if _, ok := both(m, "Resolve for a lead alone", func(_ int, s *side) (followup.LeadID, error) {
			one := who
			one.Lead, one.Sole = s.leads[k], true
			return s.Resolve(m.ctx, m.tenant, one, false, m.now)
		}, func(s *side, id followup.LeadID) any { return s.index(id) }); !ok {
			who = followup.Identity{}
		}
	}
	both(m, "PutLead", func(_ int, s *side) (followup.RunID, error) {
		l, err := s.Lead(m.ctx, m.tenant, s.leads[k])
		if err != nil {
			// Write to a lead that is gone, too: the store must refuse it.
			l = followup.Lead{ID: s.leads[k], Tenant: m.tenant}
		}
		q := p
		q.Lead = l
		q.Lead.Channel, q.Lead.OptedOut = channel, out
		if p.StatusChanged {
			q.Lead.StatusID = status
		}
		q.Lead.Phone, q.Lead.UserID = cmp.Or(who.Phone, l.Phone), cmp.Or(who.UserID, l.UserID)
		if stale {
			q.Lead.Revision--
		}
		return s.PutLead(m.ctx, q)
	}, func(s *side, run followup.RunID) any { return s.name(run) })
}

func (m *model) start(t *rapid.T) {
	m.tick(t)
	k, a, rearm := m.lead(t), m.arm(t), m.flip(t, "by rearm")
	type result struct {
		run   followup.RunID
		ended []followup.Ended
	}
	both(m, "Start", func(_ int, s *side) (result, error) {
		run, ended, err := s.Start(m.ctx, m.tenant, s.leads[k], a, rearm, m.now, m.now)
		return result{run, ended}, err
	}, func(s *side, r result) any { return fmt.Sprint(s.name(r.run), s.sayEnded(r.ended)) })
}

func (m *model) cancel(t *rapid.T) {
	m.tick(t)
	k, n := m.lead(t), rapid.IntRange(1, 4).Draw(t, "run")
	both(m, "Cancel", func(_ int, s *side) ([]followup.Ended, error) {
		return s.Cancel(m.ctx, m.tenant, s.leads[k].Run(n), m.now, m.now)
	}, func(s *side, e []followup.Ended) any { return s.sayEnded(e) })
}

func (m *model) erase(t *rapid.T) {
	m.tick(t)
	if !m.rarely(t, 10, "really") {
		t.Skip("erasing everything is dull")
	}
	k := m.lead(t)
	both(m, "EraseLead", func(_ int, s *side) (bool, error) {
		return true, s.EraseLead(m.ctx, m.tenant, s.leads[k], m.now)
	}, nothing)
}

func (m *model) createConfig(t *rapid.T) {
	m.tick(t)
	a := rapid.IntRange(0, 1).Draw(t, "assistant")
	c := m.config(a, m.flip(t, "active"))
	_, ok := both(m, "CreateConfig", func(_ int, s *side) (bool, error) { return true, s.CreateConfig(m.ctx, c) }, nothing)
	if ok {
		m.configs[a] = c.ID
	}
}

func (m *model) config(a int, active bool) followup.Config {
	m.nConfigs++
	return followup.Config{
		ID: followup.ConfigID(fmt.Sprintf("%s%012d", m.tenant[:24], m.nConfigs)), TenantID: m.tenant, AssistantID: m.assistants[a],
		TriggerStatusIDs: []string{"one"}, IsActive: active, CreatedAt: m.now, UpdatedAt: m.now,
	}
}

func (m *model) updateConfig(t *rapid.T) {
	m.tick(t)
	a := rapid.IntRange(0, 1).Draw(t, "assistant")
	c, prev := m.config(a, m.flip(t, "active")), m.now
	c.ID = m.configs[a]
	if old, err := m.sides[0].Config(m.ctx, m.tenant, c.ID); err == nil && !m.rarely(t, 5, "stale") {
		prev = old.UpdatedAt
	}
	both(m, "UpdateConfig", func(_ int, s *side) ([]followup.Ended, error) {
		return s.UpdateConfig(m.ctx, c, prev, m.now, m.now)
	}, func(s *side, e []followup.Ended) any { return s.sayEnded(e) })
}

func (m *model) deleteConfig(t *rapid.T) {
	m.tick(t)
	if !m.rarely(t, 4, "really") {
		t.Skip("without configs there is little to see")
	}
	id, finish := pick(t, m.configs, "config"), m.flip(t, "finish")
	both(m, "DeleteConfig", func(_ int, s *side) ([]followup.Ended, error) {
		return s.DeleteConfig(m.ctx, m.tenant, id, finish, m.now, m.now)
	}, func(s *side, e []followup.Ended) any { return s.sayEnded(e) })
}

func (m *model) pause(t *rapid.T) {
	m.tick(t)
	what, on := pick(t, append(m.channels, ""), "what"), m.rarely(t, 3, "pause, else resume")
	both(m, "Pause", func(_ int, s *side) (bool, error) {
		return true, s.Pause(m.ctx, m.tenant, what, on)
	}, nothing)
	both(m, "Pauses", func(_ int, s *side) ([]followup.ChannelID, error) {
		return s.Pauses(m.ctx, m.tenant)
	}, func(_ *side, p []followup.ChannelID) any { return fmt.Sprint(p) })
}
