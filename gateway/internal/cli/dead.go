package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// deadLetter is a dead letter as the admin API shows it.
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
	admin, paging, whose := fs.adminFlags(), fs.pageFlags(), fs.whose("")
	c, _, err := admin.open(args, 0, 0)
	if err != nil {
		return err
	}
	query, err := whose()
	if err != nil {
		return err
	}
	maps.Copy(query, paging())
	return list(ctx, c, "/api/dead", query, "dead letters",
		[]string{"ID", "TENANT", "ASSISTANT", "REASON", "EVENTS", "ATTEMPTS", "DIED"},
		func(d deadLetter) []string {
			return []string{d.ID, d.TenantID, d.AssistantID, d.Reason, strconv.Itoa(d.Count), strconv.Itoa(d.Attempts), at(d.DeadAt)}
		})
}

// deadShow prints one dead letter with its events.
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
	return s.deadSome(ctx, args, "replay", "replayed", http.MethodPost, "/replay")
}

func (s *shell) deadDrop(ctx context.Context, args []string) error {
	return s.deadSome(ctx, args, "drop", "dropped", http.MethodDelete, "")
}

// deadSome replays or drops dead letters: the one whose ID is given, by a request with method and
// suffix, or with -all every one, or those of a tenant or an assistant. done is verb's past
// participle, which is also the name of the count in the answer.
func (s *shell) deadSome(ctx context.Context, args []string, verb, done, method, suffix string) error {
	fs := s.flags("dead " + verb + " ID | dead " + verb + " -all [-tenant ID] [-assistant ID]")
	admin := fs.adminFlags()
	all := fs.Bool("all", false, verb+" all of them, oldest first, instead of one")
	whose := fs.whose("with -all: ")
	ids, err := fs.parse(args, 0, 1)
	if err != nil {
		return err
	}
	query, err := whose()
	if err != nil {
		return err
	}
	if *all == (len(ids) == 1) || len(query) > 0 && !*all {
		return fs.wrong("want either an ID or -all")
	}
	c, err := admin.client()
	if err != nil {
		return err
	}
	path := "/api/dead/" + verb
	if *all {
		method = http.MethodPost
	} else {
		path = "/api/dead/" + url.PathEscape(ids[0]) + suffix
	}
	data, err := c.call(ctx, method, path, query, nil)
	if err != nil {
		return err
	}
	say := func(counts map[string]int) {
		fmt.Fprintf(s.Stdout, "%s %s\n", count(counts[done], "dead letter"), done)
	}
	if method == http.MethodDelete { // the answer has no body
		if !c.raw {
			say(map[string]int{done: 1})
		}
		return nil
	}
	return answer(c, data, say)
}

// whose declares the flags -tenant and -assistant, which select dead letters. The function returned
// reads them into a query.
func (fs *flagSet) whose(when string) func() (url.Values, error) {
	fs.String("tenant", "", when+"only those of the tenant with this `ID`")
	fs.String("assistant", "", when+"only those of the assistant with this `ID`")
	return func() (url.Values, error) {
		given, err := fs.given("tenant", "assistant")
		query := url.Values{}
		for name, value := range given {
			query.Set(name, value)
		}
		return query, err
	}
}
