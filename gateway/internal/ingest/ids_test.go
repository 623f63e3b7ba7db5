package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/webhook"
)

// TestEveryIDOfAMessageIsLearned: a message at Gupshup may have three ids: that of the send call's
// answer, that of the reports, and WhatsApp's own. Once reports have brought these ids, a later
// report under any of them, in either version, has the id that the sender was given and is one
// event.
func TestEveryIDOfAMessageIsLearned(t *testing.T) {
	t.Parallel()
	v3 := func(state, ids string) string {
		return fmt.Sprintf(`{"gs_app_id":%q,"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":{"statuses":[`+
			`{%s,"status":%q,"timestamp":"%d","recipient_id":"15550100001"}]}}]}]}`, gupAppID, ids, state, minute(0))
	}
	enqueued := replace(gupReport("enqueued", "gs-1", ""), `"payload":{"ts"`, `"payload":{"whatsappMessageId":"wamid.1","ts"`)
	const all, later = `"gs_id":"gs-1","id":"u-1","meta_msg_id":"wamid.1"`, `"id":"u-1","meta_msg_id":"wamid.1"`
	for name, c := range map[string]struct {
		first, then []string
		whatsApp    string // the id that WhatsApp quotes the message by
	}{
		"v2":                    {[]string{enqueued, gupReport("sent", "u-1", "gs-1")}, []string{gupReport("read", "u-1", ""), gupReport("read", "wamid.1", "")}, "wamid.1"},
		"v3":                    {[]string{v3("enqueued", all)}, []string{v3("read", later), v3("read", `"id":"wamid.1"`), v3("read", `"id":"u-1"`)}, "wamid.1"},
		"both versions":         {[]string{v3("sent", all)}, []string{v3("read", later), gupReport("read", "u-1", ""), gupReport("read", "u-1", "gs-1")}, "wamid.1"},
		"WhatsApp's id last":    {[]string{gupReport("sent", "u-1", "gs-1"), v3("sent", all)}, []string{v3("read", `"id":"wamid.1"`), gupReport("read", "u-1", "")}, "u-1"},
		"before the answer":     {[]string{v3("sent", `"biz_opaque_callback_data":"OURS",`+all)}, []string{v3("read", later), gupReport("read", "u-1", "")}, "wamid.1"},
		"WhatsApp's id as id":   {[]string{v3("sent", `"gs_id":"gs-1","id":"wamid.1","meta_msg_id":"u-1"`)}, []string{gupReport("read", "u-1", "")}, "wamid.1"},
		"our opaque data alone": {[]string{v3("enqueued", `"biz_opaque_callback_data":"OURS","gs_id":"gs-1"`), gupReport("sent", "u-1", "gs-1")}, []string{gupReport("read", "u-1", "")}, "u-1"},
		"no wamid among them":   {[]string{v3("sent", replace(all, "wamid.1", "m-1"))}, []string{gupReport("read", "u-1", "")}, "m-1"},
		"learned without gs_id": {[]string{gupReport("sent", "wamid.1", "gs-1"), v3("delivered", later)}, []string{gupReport("read", "u-1", "")}, "wamid.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, nil)
			_, v := h.send(t, tenantA, "15550100001", sales, gupSales)
			if name != "before the answer" && name != "our opaque data alone" {
				if _, err := h.store.LinkMessage(t.Context(), tenantA, followup.MessageRef{Attempt: v.Attempt, SenderID: "gs-1"}); err != nil {
					t.Fatal(err)
				}
			}
			for _, body := range slices.Concat(c.first, c.then) {
				h.gupshup(t, replace(body, "OURS", v.Opaque))
			}
			h.gupshup(t, replace(gupText("wamid.q", "15550100001", "yes"), `"payload":{"text"`, `"context":{"id":"u-1"},"payload":{"text"`))
			if ref, err := h.store.Message(t.Context(), tenantA, "gs-1", nil); err != nil || ref.ProviderID != c.whatsApp {
				t.Errorf("got %+v (%v), want the provider id %s", ref, err, c.whatsApp)
			}
			read := 0
			values := h.valuesAt(t, sales, now.Add(time.Minute))
			for _, v := range values {
				if got := member(t, v, "statuses", 0, "id"); got != "gs-1" && got != "" {
					t.Errorf("got a status with id %q, want gs-1", got)
				}
				if member(t, v, "statuses", 0, "status") == "read" {
					read++
				}
			}
			if read != 1 {
				t.Errorf("got %d read events for one message, want 1", read)
			}
			if got := member(t, values[len(values)-1], "messages", 0, "context", "id"); got != "gs-1" {
				t.Errorf("got quoted %q, want gs-1", got)
			}
		})
	}
}

// TestKnownIDsAreNotLinkedAgain: a report that tells no new id is not stored again. Most reports
// are such.
func TestKnownIDsAreNotLinkedAgain(t *testing.T) {
	t.Parallel()
	s := &linkCounter{Store: memstore.New()}
	h := newHarnessOn(t, s.Store, func(p *Params) { p.Store = s })
	_, v := h.send(t, tenantA, "15550100001", sales, gupSales)
	if _, err := h.store.LinkMessage(t.Context(), tenantA, followup.MessageRef{Attempt: v.Attempt, SenderID: "gs-1"}); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"sent", "delivered", "read"} {
		h.gupshup(t, gupReport(state, "wa-1", "gs-1"))
	}
	if s.n != 1 {
		t.Errorf("got %d links, want 1", s.n)
	}
}

// linkCounter is a store that counts the links.
type linkCounter struct {
	*memstore.Store
	n int
}

func (l *linkCounter) LinkMessage(ctx context.Context, t followup.TenantID, ref followup.MessageRef) ([]followup.Parked, error) {
	l.n++
	return l.Store.LinkMessage(ctx, t, ref)
}

// TestFailedLookupIsUnavailable: if the store cannot look up one of a report's ids, the report is
// not acknowledged.
func TestFailedLookupIsUnavailable(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"gs-1", "wa-1"} {
		s := memstore.New()
		h := newHarnessOn(t, s, func(p *Params) {
			p.Store = &tappedStore{Store: s, message: func(asked string) error {
				if asked == id {
					return errAway
				}
				return nil
			}}
		})
		_, v := h.send(t, tenantA, "15550100001", sales, gupSales)
		if _, err := s.LinkMessage(t.Context(), tenantA, followup.MessageRef{Attempt: v.Attempt, SenderID: "gs-1", ProviderID: "wa-1"}); err != nil {
			t.Fatal(err)
		}
		if err := h.Gupshup(t.Context(), gupSales, "cb-unit", []byte(gupReport("sent", "wa-1", "gs-1"))); !errors.Is(err, webhook.ErrUnavailable) {
			t.Errorf("%s: got %v, want ErrUnavailable", id, err)
		}
	}
}
