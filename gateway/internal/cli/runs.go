package cli

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// run is a follow-up run as the admin API shows it.
type run struct {
	ID        string   `json:"id"`
	LeadID    string   `json:"lead_id"`
	ConfigID  string   `json:"config_id"`
	ChannelID string   `json:"channel_id"`
	State     string   `json:"state"`
	Reason    string   `json:"reason"`
	Timeline  []moment `json:"timeline"`
}

// moment is one line of a run's timeline.
type moment struct {
	Step      int       `json:"step"`
	DueAt     time.Time `json:"due_at"`
	Outcome   string    `json:"outcome"`
	Reason    string    `json:"reason"`
	MessageID string    `json:"message_id"`
	At        time.Time `json:"at"`
	Settled   string    `json:"settled"`
}

func (s *shell) runs(ctx context.Context, args []string) error {
	return s.sub(ctx, "runs", args, map[string]func(context.Context, []string) error{
		"list": s.runsList, "show": s.runsShow,
	})
}

func (s *shell) runsList(ctx context.Context, args []string) error {
	fs := s.flags("runs list -tenant ID -lead ID")
	admin, paging := fs.adminFlags(), fs.pageFlags()
	tenant, lead := fs.neededID("tenant"), fs.neededID("lead")
	c, _, err := admin.open(args, 0, 0)
	if err != nil {
		return err
	}
	query := paging()
	query.Set("tenant", *tenant)
	query.Set("lead", *lead)
	return list(ctx, c, "/api/runs", query, "runs", []string{"ID", "STATE", "REASON", "STEPS", "CHANNEL", "CONFIG"},
		func(r run) []string {
			return []string{r.ID, r.State, cmp.Or(r.Reason, "-"), strconv.Itoa(len(r.Timeline)), r.ChannelID, r.ConfigID}
		})
}

func (s *shell) runsShow(ctx context.Context, args []string) error {
	fs := s.flags("runs show -tenant ID RUN")
	admin, tenant := fs.adminFlags(), fs.neededID("tenant")
	c, ids, err := admin.open(args, 1, 1)
	if err != nil {
		return err
	}
	data, err := c.call(ctx, http.MethodGet, "/api/runs/"+url.PathEscape(ids[0]), url.Values{"tenant": {*tenant}}, nil)
	if err != nil {
		return err
	}
	return answer(c, data, func(r run) {
		s.table("run", []string{"RUN", "STATE", "REASON", "LEAD", "CHANNEL", "CONFIG"},
			[][]string{{r.ID, r.State, cmp.Or(r.Reason, "-"), r.LeadID, r.ChannelID, r.ConfigID}})
		fmt.Fprintln(s.Stdout)
		rows := make([][]string, len(r.Timeline))
		for i, m := range r.Timeline {
			rows[i] = []string{
				strconv.Itoa(m.Step), at(m.DueAt), cmp.Or(m.Outcome, "waiting"), cmp.Or(m.Reason, "-"),
				at(m.At), cmp.Or(m.Settled, "-"), cmp.Or(m.MessageID, "-"),
			}
		}
		s.table("steps", []string{"STEP", "DUE", "OUTCOME", "REASON", "AT", "SETTLED", "MESSAGE"}, rows)
	})
}
