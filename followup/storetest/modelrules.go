package storetest

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"wagate/followup"
	"wagate/providers"
)

// rules are the invariants that a walk checks by itself, so that it finds a mistake that the store
// shares with the reference.
type rules struct {
	replied map[followup.RunID]bool     // runs that a reply has ended or marked
	spent   map[string]bool             // steps whose result was taken, by run and step
	told    map[followup.RunID][]string // the outcomes in each run's timeline so far
	windows map[string]time.Time        // from when each window counts, by lead and channel
}

func newRules() rules {
	return rules{map[followup.RunID]bool{}, map[string]bool{}, map[followup.RunID][]string{}, map[string]time.Time{}}
}

func stepOf(run followup.RunID, step int) string { return fmt.Sprint(run, " ", step) }

// live returns, for each item, the runs of the tested store's lead that the item ends if it is a
// reply.
func (m *model) live(k int, items []followup.Item) [][]followup.RunID {
	runs, _ := m.sides[1].Runs(m.ctx, m.tenant, m.sides[1].leads[k]) // a lead that is gone has none
	out := make([][]followup.RunID, len(items))
	for i, it := range items {
		for _, r := range runs {
			if it.Reply && r.State != followup.RunEnded && (r.Assistant == it.Assistant || r.Channel == it.Channel) {
				out[i] = append(out[i], r.ID)
			}
		}
	}
	return out
}

// leave checks what must hold whenever a guard allows a step to send.
func (m *model) leave(t *rapid.T, h *held, to providers.Contact, free, marketing bool) {
	s := m.sides[1]
	id := s.leads[h.lead].Run(h.n)
	if m.rules.replied[id] {
		t.Fatalf("I5: %s may send after a reply", s.name(id))
	}
	if m.rules.spent[stepOf(id, h.step)] {
		t.Fatalf("I6: %s may send step %d again", s.name(id), h.step+1)
	}
	run, err := s.Run(m.ctx, m.tenant, id)
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	lead, err := s.Lead(m.ctx, m.tenant, s.leads[h.lead])
	if err != nil {
		t.Fatalf("Lead: %v", err)
	}
	if free && !lead.WindowOpenTo(run.Channel, to, m.now) {
		t.Fatalf("I4: %s may send free-form into a closed window", s.name(id))
	}
	if marketing && lead.OptedOut {
		t.Fatalf("I4: %s may send marketing to a lead that opted out", s.name(id))
	}
	paused, err := s.Pauses(m.ctx, m.tenant)
	if err != nil {
		t.Fatalf("Pauses: %v", err)
	}
	if slices.Contains(paused, run.Channel) || slices.Contains(paused, "") {
		t.Fatalf("%s may send though it is paused", s.name(id))
	}
	if run.State != followup.RunSending {
		t.Fatalf("I6: %s may send, though its run is %s", s.name(id), run.State)
	}
}

// holds checks what must hold for a lead and its runs at any time.
func (m *model) holds(t *rapid.T, lead followup.Lead, runs []followup.Run) {
	for c, w := range lead.Windows {
		key := fmt.Sprint(lead.ID, c)
		if was := m.rules.windows[key]; w.LastInbound.Before(was) || w.LastInbound.After(m.now) {
			t.Fatalf("I3: a window counted from %s, then from %s, at %s", stamp(was), stamp(w.LastInbound), stamp(m.now))
		}
		m.rules.windows[key] = w.LastInbound
	}
	for _, r := range runs {
		var said []string
		steps := map[int]bool{}
		for _, moment := range r.Timeline {
			if moment.Outcome == "" {
				continue
			}
			if steps[moment.Step] {
				t.Fatalf("I7: %s has two outcomes of step %d", m.sides[1].name(r.ID), moment.Step)
			}
			steps[moment.Step] = true
			said = append(said, fmt.Sprint(moment.Step, moment.Outcome, moment.Reason, moment.At.UnixMilli()))
		}
		if was := m.rules.told[r.ID]; len(said) < len(was) || !slices.Equal(said[:len(was)], was) {
			t.Fatalf("I7: the timeline of %s said %v, then %v", m.sides[1].name(r.ID), was, said)
		}
		m.rules.told[r.ID] = said
		if r.State == followup.RunEnded && len(said) == 0 {
			t.Fatalf("I7: %s ended without an outcome of its step", m.sides[1].name(r.ID))
		}
	}
	m.oneLive(runs)
}

// oneLive checks that each assistant has at most one live run. A run that only waits for its last
// result counts as ended.
func (m *model) oneLive(runs []followup.Run) {
	live := map[followup.AssistantID]int{}
	for _, r := range runs {
		if r.State == followup.RunArmed || r.State == followup.RunClaimed {
			live[r.Assistant]++
		}
	}
	for a, n := range live {
		if n > 1 {
			m.t.Fatalf("I8: live runs of assistant %s: got %d, want at most 1", a, n)
		}
	}
}
