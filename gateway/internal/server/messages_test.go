package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wagate/gateway/internal/server"
)

// TestMessagesArePassedOn: a send is passed on with its tenant, number and idempotency key, and the
// answer comes back with its status, body and Retry-After.
func TestMessagesArePassedOn(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	h.messages.answer = server.MessagesAnswer{Status: 429, Body: []byte(`{"error":{"code":130429}}`), RetryAfter: 1500 * time.Millisecond}
	r := do(t, h.public, request{
		method: "POST", path: "/v26.0/106540352242922/messages", key: acmeKey, body: `{"to":"x"}`,
		header: map[string]string{"Idempotency-Key": "k-1"},
	})
	h.want(r, 429, `{"error":{"code":130429}}`)
	if got := r.header.Get("Retry-After"); got != "2" {
		t.Errorf("got Retry-After %q, want 2: rounded up", got)
	}
	if got := r.header.Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("got content type %q, want application/json; charset=utf-8", got)
	}
	want := server.MessagesRequest{Tenant: acme, Number: "106540352242922", IdempotencyKey: "k-1", Body: []byte(`{"to":"x"}`)}
	if fmt.Sprint(h.messages.got) != fmt.Sprint([]server.MessagesRequest{want}) {
		t.Errorf("got %v, want %v", h.messages.got, want)
	}
}

// TestMessagesRefusalsHaveGraphsShape: a send that is refused at the edge is answered in the Graph
// API's error format.
func TestMessagesRefusalsHaveGraphsShape(t *testing.T) {
	t.Parallel()
	const path = "/v26.0/106540352242922/messages"
	token := `{"error":{"message":"Invalid OAuth access token.","type":"OAuthException","code":190,` +
		`"error_data":{"messaging_product":"whatsapp","details":"the API key is missing or not valid"},"fbtrace_id":""}}`
	tests := []struct {
		name   string
		r      request
		status int
		body   string
	}{
		{"no key", request{method: "POST", path: path}, 401, token},
		{"unknown key", request{method: "POST", path: path, key: "guess"}, 401, token},
		{"other scheme", request{method: "POST", path: path, header: map[string]string{"Authorization": "Basic " + acmeKey}}, 401, token},
		{"empty key", request{method: "POST", path: path, header: map[string]string{"Authorization": "Bearer "}}, 401, token},
		{
			"method",
			request{method: "GET", path: path, key: acmeKey},
			405,
			`{"error":{"message":"Unsupported request method","type":"GraphMethodException","code":100,` +
				`"error_data":{"messaging_product":"whatsapp","details":"the route does not have this method"},"fbtrace_id":""}}`,
		},
		{
			"path",
			request{method: "POST", path: "/v26.0/106540352242922/media", key: acmeKey},
			404,
			`{"error":{"message":"Unknown path components","type":"OAuthException","code":2500,` +
				`"error_data":{"messaging_product":"whatsapp","details":"there is no such route"},"fbtrace_id":""}}`,
		},
		{
			"size",
			request{method: "POST", path: path, key: acmeKey, body: strings.Repeat(" ", 256<<10+1)},
			413,
			`{"error":{"message":"(#100) Invalid parameter","type":"OAuthException","code":100,` +
				`"error_data":{"messaging_product":"whatsapp","details":"the body is too large"},"fbtrace_id":""}}`,
		},
		{
			"size beyond the listener's",
			request{method: "POST", path: path, key: acmeKey, body: strings.Repeat(" ", 4<<20+1)},
			413,
			`{"error":{"message":"(#100) Invalid parameter","type":"OAuthException","code":100,` +
				`"error_data":{"messaging_product":"whatsapp","details":"the body is too large"},"fbtrace_id":""}}`,
		},
		{
			"compressed",
			request{method: "POST", path: path, key: acmeKey, header: map[string]string{"Content-Encoding": "gzip"}},
			415,
			`{"error":{"message":"(#100) Invalid parameter","type":"OAuthException","code":100,` +
				`"error_data":{"messaging_product":"whatsapp","details":"the body must not be compressed"},"fbtrace_id":""}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, settings{})
			h.want(do(t, h.public, tt.r), tt.status, tt.body)
			if len(h.messages.got) > 0 {
				t.Error("something was sent, want nothing")
			}
		})
	}
}

// TestMessagesOfUnknownVersion: a send under something that is not a Graph API version is answered
// 404 in the Graph API's error format. Other routes that end in /messages have our own format.
func TestMessagesOfUnknownVersion(t *testing.T) {
	t.Parallel()
	h := newHarness(t, settings{})
	for _, version := range []string{"xyz", "v26", "26.0", "v26.0.1", "V26.0", "v.", "v26.0%20"} {
		for _, path := range []string{"/106540352242922/messages", "/106540352242922/messages/"} {
			for _, key := range []string{acmeKey, ""} {
				h.want(do(t, h.public, request{method: "POST", path: "/" + version + path, key: key, body: "{}"}), 404,
					`{"error":{"message":"Unknown path components","type":"OAuthException","code":2500,`+
						`"error_data":{"messaging_product":"whatsapp","details":"there is no such route"},"fbtrace_id":""}}`)
			}
		}
	}
	if len(h.messages.got) > 0 {
		t.Error("something was sent, want nothing")
	}
	for _, path := range []string{"/backend/leads/messages", "/backend/nothing/messages", "/webhooks/crm/messages"} {
		if r := h.call("POST", path, "{}"); !strings.HasPrefix(r.body, `{"success":false,`) {
			t.Errorf("%s: got %s, want our own error format", path, r.body)
		}
	}
}
