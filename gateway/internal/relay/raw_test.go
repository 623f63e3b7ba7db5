package relay

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/providers/providertest"
)

// settleRaw settles webhooks as they came, one event each, all of one lead, and returns the lead.
func settleRaw(t *testing.T, s *memstore.Store, all ...followup.RawWebhook) followup.LeadID {
	t.Helper()
	lead, err := s.Resolve(t.Context(), tenant, followup.Identity{Phone: "15550100001"}, true, start)
	if err != nil {
		t.Fatal(err)
	}
	for i, raw := range all {
		if _, err := s.Settle(t.Context(), followup.Settlement{
			Tenant: tenant, Lead: lead, Now: start, Real: time.Now(),
			Items: []followup.Item{{
				DedupID: fmt.Sprint("raw ", i), Channel: channel, Assistant: assistantID(1), At: start, Opens: true,
				Relay: &followup.RelayEvent{Channel: channel, Field: "messages", Raw: &raw},
			}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	return lead
}

// wantVerified checks that the Standard Webhooks headers verify.
func wantVerified(t *testing.T, r request) {
	t.Helper()
	hook, err := standardwebhooks.NewWebhookRaw([]byte("relay-unit-secret"))
	if err != nil {
		t.Fatal(err)
	}
	if err := hook.Verify(r.body, r.header); err != nil {
		t.Errorf("Standard Webhooks: %v", err)
	}
}

// wantHeaders checks that the request has these headers; "" means that a header must be absent.
func wantHeaders(t *testing.T, r request, want map[string]string) {
	t.Helper()
	for name, v := range want {
		if got := r.header.Get(name); got != v {
			t.Errorf("%s: got %q, want %q", name, got, v)
		}
	}
}

// TestRawIsHandedOnAsItCame: body and headers are the provider's. The Standard Webhooks trio and
// our headers about the conversation come beside them, and stored headers cannot replace ours.
func TestRawIsHandedOnAsItCame(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	a := newAssistant(t, nil)
	bodies := []string{"{ \"t\" : \"\xff \\u00E1 \\/\" }\r\n", `{"part":1}`, `{"bare":1}`}
	lead := settleRaw(t, s,
		followup.RawWebhook{Body: []byte(bodies[0]), Header: map[string]string{
			"Content-Type": "application/json; charset=utf-8", "User-Agent": "facebookexternalua",
			"X-Hub-Signature-256": "sha256=theirs", "X-Hub-Signature": "sha1=theirs",
			"Authorization": "Bearer x", "webhook-id": "forged", "webhook-signature": "forged",
			"X-Wagate-Lead-Id": "forged", "Idempotency-Key": "forged",
		}},
		followup.RawWebhook{Body: []byte(bodies[1]), Narrowed: true, Header: map[string]string{"User-Agent": "facebookexternalua"}},
		followup.RawWebhook{Body: []byte(bodies[2])},
	)
	newRelay(t, s, nil, a.url)
	for i, want := range []map[string]string{
		{
			"Content-Type": "application/json; charset=utf-8", "User-Agent": "facebookexternalua", "X-Wagate-Format": "raw",
			"X-Hub-Signature-256": "sha256=theirs", "X-Hub-Signature": "sha1=theirs",
		},
		{
			"Content-Type": "application/json", "User-Agent": "facebookexternalua", "X-Wagate-Format": "raw-narrowed",
			"X-Hub-Signature-256": "", "X-Hub-Signature": "",
		},
		{
			"Content-Type": "application/json", "User-Agent": "wagate", "X-Wagate-Format": "raw",
			"X-Hub-Signature-256": "", "X-Hub-Signature": "",
		},
	} {
		r := a.next(t)
		if got := string(r.body); got != bodies[i] {
			t.Errorf("got body %q, want %q", got, bodies[i])
		}
		wantHeaders(t, r, want)
		wantHeaders(t, r, map[string]string{
			"X-Wagate-Lead-Id": string(lead), "X-Wagate-Channel-Id": string(channel),
			"X-Wagate-Window-Closes-At": "2026-11-04T12:00:00Z", "Authorization": "", "Idempotency-Key": "",
		})
		wantVerified(t, r)
	}
}

// TestRawAmongOthers: happenings have no raw form. They keep Meta's shape and our signature, and
// are delivered in order with the raw webhooks.
func TestRawAmongOthers(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	a := newAssistant(t, nil)
	events(t, s, assistantID(1), "15550100001", 1, 2)
	settleRaw(t, s, followup.RawWebhook{Body: []byte(`{}`)})
	events(t, s, assistantID(1), "15550100001", 3, 1)
	newRelay(t, s, nil, a.url)
	for i, want := range []string{"[1 2]", "", "[3]"} {
		r := a.next(t)
		wantVerified(t, r)
		if want == "" {
			wantHeaders(t, r, map[string]string{"X-Wagate-Format": "raw"})
			continue
		}
		wantHeaders(t, r, map[string]string{
			"X-Wagate-Format": "", "X-Hub-Signature-256": providertest.Sign("relay-unit-secret", r.body),
		})
		if got := fmt.Sprint(r.changes(t)); got != want {
			t.Errorf("delivery %d: got %s, want %s", i, got, want)
		}
	}
}

// TestI1RawFrozenOnRetry: a retry of a raw webhook has the same body, headers and webhook-id.
func TestI1RawFrozenOnRetry(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	a := newAssistant(t, func(n int, w http.ResponseWriter, _ request) {
		if n == 1 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	settleRaw(t, s, followup.RawWebhook{Body: []byte("{ }"), Header: map[string]string{"X-Hub-Signature-256": "sha256=theirs"}},
		followup.RawWebhook{Body: []byte("{\n}")})
	newRelay(t, s, nil, a.url)
	first, again, rest := a.next(t), a.next(t), a.next(t)
	for _, name := range []string{"webhook-id", "X-Hub-Signature-256", "X-Wagate-Format"} {
		if first.header.Get(name) != again.header.Get(name) {
			t.Errorf("%s: got %q the second time, want %q", name, again.header.Get(name), first.header.Get(name))
		}
	}
	if string(first.body) != "{ }" || string(again.body) != "{ }" || string(rest.body) != "{\n}" {
		t.Errorf("got %q, %q, %q, want the first twice, then the second", first.body, again.body, rest.body)
	}
	if rest.header.Get("webhook-id") == first.header.Get("webhook-id") {
		t.Error("got the same webhook-id for another delivery, want a new one")
	}
}

// TestRawIsNeverRendered: a raw webhook cannot share a delivery with other events, because the body
// would have no known shape.
func TestRawIsNeverRendered(t *testing.T) {
	t.Parallel()
	raw := followup.RelayEvent{Channel: channel, Field: "messages", Raw: &followup.RawWebhook{Body: []byte(`{}`)}}
	other := followup.RelayEvent{Channel: channel, Field: "messages", Value: json.RawMessage(`{}`)}
	for _, events := range [][]followup.RelayEvent{{raw, other}, {other, raw}, {raw, raw}} {
		if body, err := render(events, followup.Channel{}); err == nil {
			t.Errorf("got %s, want an error", body)
		}
	}
}
