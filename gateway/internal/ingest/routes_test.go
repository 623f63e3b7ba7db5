package ingest

import (
	"errors"
	"slices"
	"testing"

	"wagate/followup"
	"wagate/gateway/internal/webhook"
	"wagate/providers"
)

// What names only an account is for each tenant on it if it is about a contact, and for each
// assistant otherwise, each time once. A Gupshup channel is not found by number or account.
func TestRoutesOfAccount(t *testing.T) {
	t.Parallel()
	r := newRoutes([]followup.Channel{
		{ID: metaSales, Tenant: tenantA, Provider: providers.Meta, Assistant: sales, Number: "n", Account: waba},
		{ID: "again", Tenant: tenantA, Provider: providers.Meta, Assistant: sales, Number: "n2", Account: waba},
		{ID: metaSupport, Tenant: tenantA, Provider: providers.Meta, Assistant: support, Number: "n3", Account: waba},
		{ID: metaOther, Tenant: tenantB, Provider: providers.Meta, Assistant: other, Number: "n4", Account: waba},
		{ID: gupSales, Tenant: tenantA, Provider: providers.Gupshup, Assistant: sales, Number: "n", Account: waba},
		{ID: "gup 2", Tenant: tenantA, Provider: providers.Gupshup, Assistant: "another", Number: "n5", Account: waba},
	}, map[followup.ChannelID]string{
		metaSales: "main", "again": "main", metaSupport: "main", metaOther: "main", gupSales: "main", "gup 2": "main",
	})
	for name, c := range map[string]struct {
		event  providers.Event
		want   []followup.ChannelID
		reason string
	}{
		"about the account": {providers.Event{Account: waba}, []followup.ChannelID{metaSales, metaSupport, metaOther}, ""},
		"about a contact": {
			providers.Event{Account: waba, Contact: providers.Contact{UserID: "US.1"}}, []followup.ChannelID{metaSales, metaOther}, "",
		},
		"on a number":              {providers.Event{Account: waba, Number: "n"}, []followup.ChannelID{metaSales}, ""},
		"on a number of Gupshup's": {providers.Event{Account: waba, Number: "n5"}, nil, dropUnknown},
	} {
		to, reason := r.meta("main", &c.event)
		var got []followup.ChannelID
		for _, one := range to {
			got = append(got, one.ID)
		}
		if !slices.Equal(got, c.want) || reason != c.reason {
			t.Errorf("%s: got %q, reason %q, want %q, %q", name, got, reason, c.want, c.reason)
		}
	}
}

// A callback is taken for Gupshup channels of the file only, whatever else the binding lists.
func TestI10CallbackOfNoGupshupChannel(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(p *Params) {
		for _, id := range []followup.ChannelID{metaSales, "unlisted"} {
			p.GupshupBinding[id] = GupshupApp{ID: gupAppID, Tokens: []string{"cb-unit"}}
		}
	})
	for _, id := range []followup.ChannelID{metaSales, "unlisted", "unbound"} {
		if err := h.GupshupCaller(id, "cb-unit"); !errors.Is(err, webhook.ErrUnknown) {
			t.Errorf("%s: got %v, want ErrUnknown", id, err)
		}
	}
	if err := h.GupshupCaller(gupSales, "cb-unit"); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}
