package ingest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// replace is strings.ReplaceAll under a shorter name.
func replace(s, from, to string) string { return strings.ReplaceAll(s, from, to) }

// gupText returns a version 2 callback of our app with a text message.
func gupText(id, phone, body string) string { return gupTextOf("AcmeCare", id, phone, body) }

// gupTextOf is gupText for a callback that names the given app.
func gupTextOf(app, id, phone, body string) string {
	return fmt.Sprintf(`{"app":%q,"timestamp":%d,"version":2,"type":"message","payload":{"id":%q,"source":%q,"type":"text",`+
		`"payload":{"text":%q},"sender":{"phone":%q,"name":"Noor"}}}`, app, now.UnixMilli(), id, phone, body, phone)
}

// gupReport returns a version 2 callback with a status of a message. gsID may be "".
func gupReport(typ, id, gsID string) string {
	gs := ""
	if gsID != "" {
		gs = fmt.Sprintf(`"gsId":%q,`, gsID)
	}
	return fmt.Sprintf(`{"app":"AcmeCare","timestamp":%d,"version":2,"type":"message-event","payload":{"id":%q,%s"type":%q,`+
		`"destination":"15550100001","payload":{"ts":%d}}}`, now.UnixMilli(), id, gs, typ, now.Unix())
}

// TestGupshupIDs: an assistant sees the message ids that it was given, whichever of its ids Gupshup
// names a message by.
func TestGupshupIDs(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	lead := h.arm(t, tenantA, "15550100001", sales, gupSales).Lead()
	attempt := lead.Attempt(1)
	if _, err := h.store.LinkMessage(t.Context(), tenantA, followup.MessageRef{Attempt: attempt, SenderID: "gs-1", Opaque: "mine"}); err != nil {
		t.Fatal(err)
	}
	h.relayed(t, sales) // takes the run's own happening

	h.gupshup(t, gupReport("sent", "wa-1", "gs-1")) // tells the id wa-1
	ref, err := h.store.Message(t.Context(), tenantA, "wa-1", nil)
	if err != nil || ref.SenderID != "gs-1" || ref.Attempt != attempt || ref.ProviderID != "wa-1" {
		t.Errorf("got %+v (%v), want wa-1 to be known for gs-1", ref, err)
	}
	h.gupshup(t, gupReport("delivered", "wa-1", "")) // a week later gsId is missing
	h.gupshup(t, gupReport("delivered", "wa-1", "gs-1"))
	if got := h.duplicates(providers.Gupshup); got != 1 {
		t.Errorf("got %v duplicates, want 1, the second delivered report", got)
	}
	quote := replace(gupText("wamid.q", "15550100001", "yes"), `"payload":{"text"`, `"context":{"id":"wa-1"},"payload":{"text"`)
	h.gupshup(t, quote)

	// The claim above holds the lead's queue under a lease of an hour.
	values := h.valuesAt(t, sales, now.Add(2*time.Hour))
	if len(values) != 3 {
		t.Fatalf("got %d events %v, want 3", len(values), values)
	}
	for _, v := range values[:2] {
		if got := member(t, v, "statuses", 0, "id"); got != "gs-1" {
			t.Errorf("got status of %q, want gs-1", got)
		}
		if got := member(t, v, "statuses", 0, "biz_opaque_callback_data"); got != "mine" {
			t.Errorf("got opaque data %q, want the sender's, which Gupshup does not carry", got)
		}
	}
	if got := member(t, values[2], "messages", 0, "context", "id"); got != "gs-1" {
		t.Errorf("got quoted %q, want gs-1", got)
	}
}

// TestGupshupPlatform: callbacks that Gupshup addresses to us alone are dropped. A callback of an
// unknown type is relayed.
func TestGupshupPlatform(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	for _, body := range []string{
		`{"app":"AcmeCare","timestamp":1790000001234,"version":2,"type":"platform-event","payload":{"type":"connectivity-check","initiator":"gupshup"}}`,
		`{"timestamp":1790000001234,"version":2,"type":"platform-event","payload":{"type":"connectivity-check","initiator":"gupshup"}}`,
		`{"app":"AcmeCare","timestamp":1790000001234,"version":2,"type":"user-event","payload":{"phone":"callbackSetPhone","type":"sandbox-start"}}`,
	} {
		h.gupshup(t, body)
	}
	if got := h.droppedFor(providers.Gupshup, dropPlatform); got != 3 {
		t.Errorf("got %v platform events, want 3", got)
	}
	if got := len(h.values(t, sales)); got != 0 {
		t.Errorf("got %d relayed, want none", got)
	}
	h.gupshup(t, `{"app":"AcmeCare","timestamp":1790000001234,"version":2,"type":"brand-new-event","payload":{"a":1}}`)
	if got := len(h.values(t, sales)); got != 1 {
		t.Errorf("got %d relayed of an unknown type, want 1", got)
	}
}
