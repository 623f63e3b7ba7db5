package storetest

import (
	"cmp"
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"wagate/followup"
)

// delivery is a claimed delivery on both sides.
type delivery [2]followup.Delivery

// deliver claims everything there is, or finishes one of the deliveries that are out. It never
// releases a delivery unseen, because a store may cut anew what was never tried. The walk does not
// compare when an event was queued, because a merge queues events by the store's own clock.
func (m *model) deliver(t *rapid.T) {
	m.tick(t)
	if m.flip(t, "claim") || len(m.out) == 0 {
		m.claimDeliveries()
		return
	}
	d := pick(t, m.out, "delivery")
	f := followup.FinishDelivery{Real: m.now}
	switch rapid.IntRange(0, 6).Draw(t, "how") {
	case 0, 1:
		f.Delivered = true
	case 2, 3:
		f.RetryAt, f.Rejected = m.now.Add(lease/2), m.flip(t, "rejected")
	case 4:
		f.Release, f.Seen = true, true
	case 5:
		f.Split = true
	default:
		f.Dead = "rejected"
	}
	both(m, "FinishDelivery", func(i int, s *side) (bool, error) {
		g := f
		g.Delivery = d[i]
		return true, s.FinishDelivery(m.ctx, g)
	}, nothing)
}

// hear delivers all that waits at the end of a walk, because the walk itself compares few of the
// events that it causes. The events are compared without their order: when a step's result ends
// other runs, too, the contract does not say which end comes first.
func (m *model) hear(t *rapid.T) {
	m.t = t
	both(m, "all that waits", func(_ int, s *side) ([]string, error) {
		told := []string{}
		for real := m.now.Add(lease); ; real = real.Add(lease) { // by then every other claim has lapsed
			ds, _, err := s.ClaimDeliveries(m.ctx, followup.ClaimDeliveries{Real: real, Limit: 100, MaxEvents: 3, Lease: lease})
			ds = slices.DeleteFunc(ds, func(d followup.Delivery) bool { return d.Tenant != m.tenant })
			if err != nil || len(ds) == 0 {
				slices.Sort(told)
				return told, err
			}
			for _, d := range ds {
				m.worded(d.Events)
				told = append(told, s.sayEvents(d.Events)...)
				if err := s.FinishDelivery(m.ctx, followup.FinishDelivery{Delivery: d, Delivered: true, Real: real}); err != nil {
					return told, err
				}
			}
		}
	}, func(_ *side, told []string) any { return told })
}

func (m *model) claimDeliveries() {
	m.t.Helper()
	got, _ := both(m, "ClaimDeliveries", func(_ int, s *side) ([]followup.Delivery, error) {
		ds, _, err := s.ClaimDeliveries(m.ctx, followup.ClaimDeliveries{Real: m.now, Limit: 100, MaxEvents: 3, Lease: lease})
		ds = slices.DeleteFunc(ds, func(d followup.Delivery) bool { return d.Tenant != m.tenant })
		slices.SortFunc(ds, func(a, b followup.Delivery) int {
			return cmp.Or(s.index(a.Lead)-s.index(b.Lead), cmp.Compare(standIn(a.Lead), standIn(b.Lead)), cmp.Compare(a.Assistant, b.Assistant))
		})
		return ds, err
	}, func(s *side, ds []followup.Delivery) any {
		out := []string{}
		for _, d := range ds {
			out = append(out, fmt.Sprint(s.index(d.Lead), standIn(d.Lead), d.Assistant, d.Channel, s.sayEvents(d.Events), d.Attempts, d.Rejected,
				stamp(d.FirstAt), stamp(d.Window.LastInbound), d.Window.Refused))
		}
		return out
	})
	for j := range got[0] {
		m.worded(got[1][j].Events)
		m.out = append(m.out, delivery{got[0][j], got[1][j]})
	}
}

// worded checks that the happenings among the events have words of the closed sets.
func (m *model) worded(events []followup.RelayEvent) {
	m.t.Helper()
	for _, e := range events {
		if e.Field != "followup" || e.Raw != nil {
			continue
		}
		if _, err := readHappening(e.Value); err != nil {
			m.t.Fatal(err)
		}
	}
}

// standIn returns the id if it is that of a stand-in, which is the same on both sides, else "".
func standIn(l followup.LeadID) followup.LeadID {
	if l.StandIn() {
		return l
	}
	return ""
}

// redeem compares the dead letters, and replays or drops one of them.
func (m *model) redeem(t *rapid.T) {
	m.tick(t)
	lists, _ := both(m, "DeadLetters", func(_ int, s *side) ([]followup.DeadLetter, error) {
		list, _, err := s.DeadLetters(m.ctx, m.tenant, 100, 0)
		return list, err
	}, func(s *side, list []followup.DeadLetter) any {
		out := []string{}
		for _, d := range list {
			out = append(out, fmt.Sprint(s.index(d.Lead), d.Assistant, d.Channel, d.Reason, d.Attempts, d.Count,
				stamp(d.DeadAt)))
		}
		return out
	})
	if len(lists[0]) == 0 {
		t.Skip("no dead letter yet")
	}
	j := rapid.IntRange(0, len(lists[0])-1).Draw(t, "letter")
	both(m, "DeadLetter", func(i int, s *side) (followup.DeadLetter, error) {
		return s.DeadLetter(m.ctx, lists[i][j].ID)
	}, func(s *side, d followup.DeadLetter) any { return s.sayEvents(d.Events) })
	replay := m.flip(t, "replay, else drop")
	both(m, "ReplayDead or DropDead", func(i int, s *side) (bool, error) {
		if replay {
			return true, s.ReplayDead(m.ctx, lists[i][j].ID, m.now)
		}
		return true, s.DropDead(m.ctx, lists[i][j].ID)
	}, nothing)
}
