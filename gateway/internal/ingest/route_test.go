package ingest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/webhook"
	"wagate/providers"
)

// TestAccountEvents: an account notice goes once to each assistant that has a channel on the
// account bound to the app that signed.
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
		t.Errorf("got %v events, want 2: the notice came twice", got)
	}
	// The change is noted each time the notice comes, with the notice's own time.
	told := notedTemplate{metaSales, providers.TemplateChange{Name: "visit", Language: "en_US", Status: "PAUSED"}, time.Unix(1790000000, 0).UTC()}
	if want := []notedTemplate{told, told}; !slices.Equal(h.tmpl, want) {
		t.Errorf("got noted %+v, want %+v", h.tmpl, want)
	}
}

// TestI1TemplateNotKept: if a template change cannot be stored, the body is not acknowledged, but
// everything else in it is settled. If the settlement fails, the template change is stored all the
// same.
func TestI1TemplateNotKept(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	change := func(name, event string) string {
		return fmt.Sprintf(`{"field":"message_template_status_update","value":{"event":%q,"message_template_name":%q,"message_template_language":"en"}}`, event, name)
	}
	body := envelope(`{"id":"`+waba+`","changes":[`+change("a", "PAUSED")+","+change("a", "REINSTATED")+","+change("b", strings.Repeat("X", 5000))+`]}`,
		entry("messages", "n-sales", text("15550100001", "wamid.1", minute(-1), "hi")))
	post := func() error {
		return h.postMeta(t.Context(), body)
	}
	h.tmplErr = errAway
	if err := post(); !errors.Is(err, webhook.ErrUnavailable) || !errors.Is(err, errAway) {
		t.Fatalf("got %v, want ErrUnavailable because of the store", err)
	}
	if got := h.events(providers.Meta, providers.KindText); got != 1 {
		t.Errorf("got %v texts settled, want the one in the same body", got)
	}
	h.tmplErr = nil
	if err := post(); err != nil {
		t.Fatalf("again: got %v, want nil", err)
	}
	var said []string
	for _, n := range h.tmpl {
		said = append(said, n.change.Name+" "+n.change.Status)
		if !n.at.Equal(now) {
			t.Errorf("got %s noted with time %v, want the arrival because the entry has no time", n.change.Name, n.at)
		}
	}
	long := "b " + strings.Repeat("X", maxTemplateWord)
	if want := []string{"a PAUSED", "a APPROVED", long, "a PAUSED", "a APPROVED", long}; !slices.Equal(said, want) {
		t.Errorf("got noted %q, want %q in this order", said, want)
	}

	s := &flakyStore{Store: memstore.New(), broken: func(int) error { return errAway }}
	h = newHarnessOn(t, s.Store, func(p *Params) { p.Store = s })
	if err := post(); !errors.Is(err, webhook.ErrUnavailable) || len(h.tmpl) != 3 || h.tmplCalls != 1 {
		t.Errorf("got %v with %d noted in %d calls, want ErrUnavailable with all 3 noted in one call", err, len(h.tmpl), h.tmplCalls)
	}
}

// TestI10TemplateOfAnotherApp: what an app says about a template is noted for a channel bound to
// that app, never for a channel of another app on the same account.
func TestI10TemplateOfAnotherApp(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	body := `{"entry":[{"id":"` + waba + `","changes":[{"field":"message_template_status_update","value":{"event":"PAUSED","message_template_name":"a","message_template_language":"en"}}]},` +
		`{"id":"nobody's","changes":[{"field":"message_template_status_update","value":{"event":"PAUSED","message_template_name":"b","message_template_language":"en"}}]}]}`
	if err := h.Meta(t.Context(), "other", sign("other-unit-secret", body), []byte(body)); err != nil {
		t.Fatal(err)
	}
	if len(h.tmpl) != 1 || h.tmpl[0].channel != metaOther || h.tmpl[0].change.Name != "a" {
		t.Errorf("got noted %+v, want one for the app's own channel", h.tmpl)
	}
	v2 := `{"app":"Evil","timestamp":1790000000000,"version":2,"type":"template-event","payload":{"id":"1","status":"disabled","elementName":"a","languageCode":"en"}}`
	h.gupshup(t, v2)
	if len(h.tmpl) != 1 {
		t.Errorf("got noted %+v, want nothing from another Gupshup app", h.tmpl)
	}
	h.gupshup(t, replace(v2, "Evil", "AcmeCare"))
	if len(h.tmpl) != 2 || h.tmpl[1].channel != gupSales || h.tmpl[1].change.Status != "DISABLED" {
		t.Errorf("got noted %+v, want what our own Gupshup app said", h.tmpl)
	}
}

// TestEntryIsRelayedAsItCame: what Meta says beside the changes of an entry is relayed. What
// Gupshup wraps around the entry is not.
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
	for _, d := range h.relayed(t, sales) { // the other channel's delivery, which waited behind
		got[d.Channel] = string(d.Events[0].Entry)
	}
	want := map[followup.ChannelID]string{metaSales: `{"time":1790000000,"new":{"a":1.50}}`, gupSales: ""}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
