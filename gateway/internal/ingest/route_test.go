package ingest

import (
	"maps"
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

// TestEntryIsRelayedAsItCame: what Meta says beside the changes, and nothing of
// what Gupshup wraps around them.
func TestEntryIsRelayedAsItCame(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	beside := replace(messages("n-sales", text("15550100001", "wamid.1", minute(-1), "hi")), `"changes":`, `"time":1790000000,"new":{"a":1.50},"changes":`)
	h.meta(t, beside)
	h.gupshup(t, replace(replace(beside, "wamid.1", "wamid.2"), `"object":`, `"gs_app_id":"`+gupAppID+`","object":`))
	got := map[followup.ChannelID]string{}
	for _, d := range h.relayed(t, sales) {
		for _, e := range d.Events {
			got[e.Channel] = string(e.Entry)
		}
		if err := h.store.FinishDelivery(t.Context(), followup.FinishDelivery{Delivery: d, Delivered: true, Real: now}); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range h.relayed(t, sales) { // the other channel's, behind it
		got[d.Channel] = string(d.Events[0].Entry)
	}
	want := map[followup.ChannelID]string{metaSales: `{"time":1790000000,"new":{"a":1.50}}`, gupSales: ""}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
