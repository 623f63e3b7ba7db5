package cli

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
)

// pauseOf says whether a tenant, or one channel of it, is paused, as the admin API shows it.
type pauseOf struct {
	TenantID  string  `json:"tenant_id"`
	ChannelID *string `json:"channel_id"`
	Paused    bool    `json:"paused"`
	// What is still paused after a resume: the tenant whose channel was resumed, or as many channels
	// of the tenant that was resumed.
	TenantPaused   bool `json:"tenant_paused"`
	ChannelsPaused int  `json:"channels_paused"`
}

// who names what the pause applies to.
func (p pauseOf) who() string {
	if p.ChannelID == nil || *p.ChannelID == "" {
		return "the whole tenant"
	}
	return *p.ChannelID
}

// state says whether messages are sent now.
func (p pauseOf) state() string {
	switch {
	case p.Paused:
		return "is paused"
	case p.TenantPaused:
		return "is resumed, but sends nothing: the whole tenant is still paused"
	case p.ChannelsPaused > 0:
		return "sends, except for " + count(p.ChannelsPaused, "paused channel")
	}
	return "sends"
}

func (s *shell) pause(ctx context.Context, args []string) error {
	return s.setPause(ctx, "pause", args)
}

func (s *shell) resume(ctx context.Context, args []string) error {
	return s.setPause(ctx, "resume", args)
}

func (s *shell) setPause(ctx context.Context, verb string, args []string) error {
	fs := s.flags(verb + " -tenant ID [-channel ID]")
	fs.String("channel", "", "only the channel with this `ID`")
	admin, tenant := fs.adminFlags(), fs.neededID("tenant")
	c, _, err := admin.open(args, 0, 0)
	if err != nil {
		return err
	}
	given, err := fs.given("channel")
	if err != nil {
		return err
	}
	body := map[string]string{"tenant_id": *tenant}
	if channel, ok := given["channel"]; ok {
		body["channel_id"] = channel
	}
	data, err := c.call(ctx, http.MethodPost, "/api/"+verb, nil, body)
	if err != nil {
		return err
	}
	return answer(c, data, func(p pauseOf) {
		fmt.Fprintf(s.Stdout, "tenant %s: %s %s\n", printable(p.TenantID), printable(p.who()), p.state())
	})
}

func (s *shell) pauses(ctx context.Context, args []string) error {
	fs := s.flags("pauses -tenant ID")
	admin, paging, tenant := fs.adminFlags(), fs.pageFlags(), fs.neededID("tenant")
	c, _, err := admin.open(args, 0, 0)
	if err != nil {
		return err
	}
	query := paging()
	query.Set("tenant", *tenant)
	return list(ctx, c, "/api/pauses", query, "pauses", []string{"TENANT", "PAUSED"}, func(p pauseOf) []string {
		return []string{cmp.Or(p.TenantID, *tenant), p.who()}
	})
}
