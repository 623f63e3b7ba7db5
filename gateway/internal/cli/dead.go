package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// deadLetter is a delivery that was given up, as the admin API shows it.
type deadLetter struct {
	ID          string    `json:"id"`
	TenantID    string    `json:"tenant_id"`
	AssistantID string    `json:"assistant_id"`
	Reason      string    `json:"reason"`
	Attempts    int       `json:"attempts"`
	DeadAt      time.Time `json:"dead_at"`
	Count       int       `json:"count"`
}

func (s *shell) dead(ctx context.Context, args []string) error {
	return s.sub(ctx, "dead", args, map[string]func(context.Context, []string) error{
		"list": s.deadList, "show": s.deadShow, "replay": s.deadReplay, "drop": s.deadDrop,
	})
}

func (s *shell) deadList(ctx context.Context, args []string) error {
	fs := s.flags("dead list")
	admin, paging, tenant := fs.adminFlags(), fs.pageFlags(), fs.String("tenant", "", "only those of the tenant with this `ID`")
	c, _, err := admin.open(args, 0, 0)
	if err != nil {
		return err
	}
	query := paging()
	if *tenant != "" {
		query.Set("tenant", *tenant)
	}
	return list(ctx, c, "/api/dead", query, "dead letters",
		[]string{"ID", "TENANT", "ASSISTANT", "REASON", "EVENTS", "ATTEMPTS", "DIED"},
		func(d deadLetter) []string {
			return []string{d.ID, d.TenantID, d.AssistantID, d.Reason, strconv.Itoa(d.Count), strconv.Itoa(d.Attempts), at(d.DeadAt)}
		})
}

// deadShow prints a dead letter whole, with its events.
func (s *shell) deadShow(ctx context.Context, args []string) error {
	fs := s.flags("dead show ID")
	c, ids, err := fs.adminFlags().open(args, 1, 1)
	if err != nil {
		return err
	}
	data, err := c.call(ctx, http.MethodGet, "/api/dead/"+url.PathEscape(ids[0]), nil, nil)
	if err != nil {
		return err
	}
	return answer(c, data, func(whole json.RawMessage) {
		var out bytes.Buffer
		if json.Indent(&out, whole, "", "  ") == nil {
			fmt.Fprintln(s.Stdout, printable(out.String()))
		}
	})
}

func (s *shell) deadReplay(ctx context.Context, args []string) error {
	fs := s.flags("dead replay ID | dead replay -all [-tenant ID]")
	admin := fs.adminFlags()
	all := fs.Bool("all", false, "replay all, oldest first, instead of one")
	tenant := fs.String("tenant", "", "with -all: only those of the tenant with this `ID`")
	ids, err := fs.parse(args, 0, 1)
	if err != nil {
		return err
	}
	if *all == (len(ids) == 1) || *tenant != "" && !*all {
		return fs.wrong("want either an ID or -all")
	}
	c, err := admin.client()
	if err != nil {
		return err
	}
	path, query := "/api/dead/replay", url.Values{}
	if !*all {
		path = "/api/dead/" + url.PathEscape(ids[0]) + "/replay"
	}
	if *tenant != "" {
		query.Set("tenant", *tenant)
	}
	data, err := c.call(ctx, http.MethodPost, path, query, nil)
	if err != nil {
		return err
	}
	return answer(c, data, func(done struct {
		Replayed int `json:"replayed"`
	},
	) {
		fmt.Fprintf(s.Stdout, "%s replayed\n", count(done.Replayed, "dead letter"))
	})
}

func (s *shell) deadDrop(ctx context.Context, args []string) error {
	fs := s.flags("dead drop ID")
	c, ids, err := fs.adminFlags().open(args, 1, 1)
	if err != nil {
		return err
	}
	if _, err = c.call(ctx, http.MethodDelete, "/api/dead/"+url.PathEscape(ids[0]), nil, nil); err != nil {
		return err
	}
	if !c.raw {
		fmt.Fprintln(s.Stdout, "dropped")
	}
	return nil
}
