package server_test

import (
	"testing"
	"time"

	"wagate/followup"
)

// TestUnreadableDeadLetter: a dead letter that cannot be read does not hinder a bulk replay of the
// others, and can be dropped.
func TestUnreadableDeadLetter(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	h.makeDead(3)
	h.store.listed = func(letters []followup.DeadLetter) {
		h.store.listed = nil
		h.store.torn = letters[1].ID
	}
	h.want(h.op("POST", "/api/dead/replay", ""), 200, `{"replayed":2}`)
	const torn = `{"success":false,"error":{"code":"UNREADABLE",` +
		`"message":"the dead letter cannot be read: all that can be done is to drop it","details":[]}}`
	letter := "/api/dead/" + h.store.torn
	h.want(h.op("GET", letter, ""), 409, torn)
	h.want(h.op("POST", letter+"/replay", ""), 409, torn)
	h.want(h.op("DELETE", letter, ""), 204, "")
}

// TestShownDeadLetter: a dead letter's events are shown in full words, and raw webhooks as text.
func TestShownDeadLetter(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	died := time.Date(2026, time.May, 4, 10, 0, 0, 0, time.UTC)
	h.store.shown = &followup.DeadLetter{
		ID: "3/msg_1", Tenant: acme, Assistant: sales, Lead: "l", Channel: front, Reason: "rejected 422",
		QueuedAt: died, DeadAt: died, Count: 3, Events: []followup.RelayEvent{
			{Channel: front, Account: "30001", Entry: []byte(`{"time":1}`), Field: "messages", Value: []byte(`{"a":1}`)},
			{Channel: front, Raw: &followup.RawWebhook{Body: []byte(`{"b":2}`), Narrowed: true, Header: map[string]string{"X-A": "1"}}},
			{Channel: front, Unreadable: []byte("?!")},
		},
	}
	at := died.Format(time.RFC3339Nano)
	h.want(h.op("GET", "/api/dead/3%2Fmsg_1", ""), 200, `{"id":"3/msg_1","tenant_id":"`+string(acme)+`","assistant_id":"`+string(sales)+
		`","lead_id":"l","channel_id":"`+string(front)+`","reason":"rejected 422","attempts":0,"queued_at":"`+at+`","dead_at":"`+at+
		`","count":3,"events":[`+
		`{"channel_id":"`+string(front)+`","account_id":"30001","entry":{"time":1},"field":"messages","value":{"a":1}},`+
		`{"channel_id":"`+string(front)+`","raw":"{\"b\":2}","raw_narrowed":true,"raw_headers":{"X-A":"1"}},`+
		`{"channel_id":"`+string(front)+`","unreadable":"?!"}]}`)
}
