package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"pgregory.net/rapid"

	"wagate/followup"
)

// The functions below describe what a store answered, without the ids that it made up.

func (s *side) sayEnded(ended []followup.Ended) []string {
	out := []string{}
	for _, e := range ended {
		out = append(out, fmt.Sprintf("%s step %d %s", s.name(e.Run), e.Step, e.Reason))
	}
	sort.Strings(out)
	return out
}

func (s *side) sayCorrections(list []followup.Correction) []string {
	out := []string{}
	for _, c := range list {
		out = append(out, fmt.Sprintf("%s step %d %s→%s", s.name(c.Run), c.Step, c.From, c.To))
	}
	return out
}

func (s *side) saySettled(v followup.Settled) any {
	rearm := append([]followup.AssistantID{}, v.Rearm...)
	slices.Sort(rearm)
	return fmt.Sprint(v.Fresh, s.sayEnded(v.Ended), slices.Compact(rearm), s.sayCorrections(v.Corrections))
}

func (s *side) sayVerdict(v followup.Verdict) any {
	return fmt.Sprint(v.Refusal, v.Attempt != "", s.sayEnded(v.Ended), v.Rearm)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("02 15:04:05.000")
}

// sayLead leaves out Revision and UpdatedAt, whose values are up to the store.
func (s *side) sayLead(l followup.Lead) any {
	windows := []string{}
	for c, w := range l.Windows {
		windows = append(windows, fmt.Sprint(c, " ", stamp(w.LastInbound), w.Refused, stamp(w.UsedAt), w.OpenedBy.Phone, w.OpenedBy.UserID))
	}
	sort.Strings(windows)
	return fmt.Sprint(s.index(l.ID), l.Name, l.Phone, l.UserID, l.ExternalID, l.StatusID, l.Assistant, l.Channel,
		l.OptedOut, stamp(l.CreatedAt), windows)
}

func (s *side) sayRun(r followup.Run) string {
	var out strings.Builder
	fmt.Fprint(&out, s.name(r.ID), " ", r.Config, r.Assistant, r.Channel, r.Ladder, " ", r.State, r.Reason,
		" from ", stamp(r.StartedAt), " to ", stamp(r.EndedAt))
	if r.State != followup.RunEnded {
		fmt.Fprint(&out, " step ", r.Step, r.Interval, stamp(r.DueAt), r.Used, " tries ", r.Tries)
	}
	for _, m := range r.Timeline {
		fmt.Fprint(&out, "\n  ", m.Step, " due ", stamp(m.DueAt), " ", m.Kind, m.Outcome, m.Reason, m.MessageID,
			" at ", stamp(m.At), " settled ", m.Settled, stamp(m.SettledAt))
	}
	return out.String()
}

func (s *side) sayRuns(runs []followup.Run) any {
	out := []string{}
	for _, r := range runs {
		out = append(out, s.sayRun(r))
	}
	return out
}

func sayHistory(_ *side, h []followup.Entry) any {
	out := []string{}
	for _, e := range h {
		out = append(out, fmt.Sprint(e.From, ":", e.Text, "@", stamp(e.At)))
	}
	return out
}

// sayEvents replaces the ids in follow-up happenings.
func (s *side) sayEvents(events []followup.RelayEvent) []string {
	out := []string{}
	for _, e := range events {
		if e.Raw != nil {
			out = append(out, fmt.Sprint(e.Channel, e.Field, *e.Raw))
			continue
		}
		var v map[string]any
		if err := json.Unmarshal(e.Value, &v); err != nil {
			out = append(out, "unreadable: "+err.Error())
			continue
		}
		if id, ok := v["run_id"].(string); ok {
			v["run_id"] = s.name(followup.RunID(id))
		}
		if id, ok := v["lead_id"].(string); ok {
			v["lead_id"] = s.index(followup.LeadID(id))
		}
		out = append(out, fmt.Sprint(e.Channel, e.Account, e.Field, v))
	}
	return out
}

// compare reads everything about every lead on both sides.
func (m *model) compare(t *rapid.T) {
	m.t = t
	for k := range m.sides[0].leads {
		leads, _ := both(m, fmt.Sprintf("lead %d", k), func(_ int, s *side) (followup.Lead, error) {
			return s.Lead(m.ctx, m.tenant, s.leads[k])
		}, (*side).sayLead)
		runs, _ := both(m, fmt.Sprintf("runs of lead %d", k), func(_ int, s *side) ([]followup.Run, error) {
			return s.Runs(m.ctx, m.tenant, s.leads[k])
		}, (*side).sayRuns)
		m.holds(t, leads[1], runs[1])
		for _, c := range m.channels {
			both(m, fmt.Sprintf("history of lead %d", k), func(_ int, s *side) ([]followup.Entry, error) {
				return s.History(m.ctx, s.leads[k], c, m.now)
			}, sayHistory)
		}
	}
}
