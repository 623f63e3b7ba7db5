package ingest

import (
	"testing"

	"wagate/followup"
	"wagate/providers"
)

// TestAccountEvents: each assistant of the app on that account is told, once.
func TestAccountEvents(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	body := `{"object":"whatsapp_business_account","entry":[{"id":"` + waba + `","time":1790000000,"changes":[{"field":"message_template_status_update",` +
		`"value":{"event":"PAUSED","message_template_id":1,"message_template_name":"visit","message_template_language":"en-US"}}]}]}`
	h.meta(t, body)
	h.meta(t, body)
	for a, c := range map[followup.AssistantID]followup.ChannelID{sales: metaSales, support: metaSupport} {
		ds := h.relayed(t, a)
		if len(ds) != 1 || len(ds[0].Events) != 1 || ds[0].Lead != followup.AccountLead(c) {
			t.Errorf("%s: got %+v, want one event under its account", a, ds)
		}
	}
	if got := len(h.relayed(t, other)); got != 0 {
		t.Errorf("got %d deliveries for a channel of another app, want none", got)
	}
	if got := h.events(providers.Meta, providers.KindTemplate); got != 2 {
		t.Errorf("got %v events, want 2: one notice, twice", got)
	}
	if len(h.tmpl) == 0 || h.tmpl[0].Name != "visit" || h.tmpl[0].Language != "en_US" || h.tmpl[0].Status != "PAUSED" {
		t.Errorf("got template changes %+v, want visit en_US PAUSED", h.tmpl)
	}
}
