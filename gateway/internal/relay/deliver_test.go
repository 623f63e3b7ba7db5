package relay

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/providers/providertest"
)

// TestSignaturesAndHeaders: a delivery is signed in Meta's way with the first secret, and in the
// way of Standard Webhooks with every secret. Its headers name the lead, the channel and the end of
// the window.
func TestSignaturesAndHeaders(t *testing.T) {
	t.Parallel()
	key := []byte("0123456789abcdef0123456789abcdef")
	prefixed := "whsec_" + base64.StdEncoding.EncodeToString(key)
	cases := []struct {
		name    string
		secrets []string
		keys    [][]byte // each of which must verify
	}{
		{"plain text", []string{"relay-unit-secret"}, [][]byte{[]byte("relay-unit-secret")}},
		{"whsec", []string{prefixed}, [][]byte{key}},
		{"whsec without base64", []string{"whsec_not base64!"}, [][]byte{[]byte("whsec_not base64!")}},
		{"whsec alone", []string{"whsec_"}, [][]byte{[]byte("whsec_")}}, // not the empty key
		{"rotating", []string{prefixed, "old secret"}, [][]byte{key, []byte("old secret")}},
		{"three", []string{"newest", prefixed, "oldest"}, [][]byte{[]byte("newest"), key, []byte("oldest")}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := memstore.New()
			a := newAssistant(t, nil)
			lead := events(t, s, assistantID(1), "15550100001", 1, 1)
			newRelay(t, s, func(p *Params) {
				p.Endpoints[assistantID(1)] = Endpoint{URL: a.url, Secrets: c.secrets}
			}, a.url)
			r := a.next(t)

			if got, want := r.header.Get("X-Hub-Signature-256"), providertest.Sign(c.secrets[0], r.body); got != want {
				t.Errorf("X-Hub-Signature-256: got %s, want %s", got, want)
			}
			if got := len(strings.Split(r.header.Get("webhook-signature"), " ")); got != len(c.secrets) {
				t.Errorf("webhook-signature: got %d signatures, want one by each of %d secrets", got, len(c.secrets))
			}
			for _, k := range c.keys {
				hook, err := standardwebhooks.NewWebhookRaw(k)
				if err != nil {
					t.Fatal(err)
				}
				if err := hook.Verify(r.body, r.header); err != nil {
					t.Errorf("Standard Webhooks: %v", err)
				}
				if hook.Verify(append(r.body, ' '), r.header) == nil {
					t.Error("Standard Webhooks: a changed body verifies, want an error")
				}
			}
			for name, want := range map[string]string{
				"Content-Type":              "application/json",
				"User-Agent":                "wagate",
				"X-Wagate-Lead-Id":          string(lead),
				"X-Wagate-Channel-Id":       string(channel),
				"X-Wagate-Window-Closes-At": "2026-11-04T12:00:00Z",
				"Idempotency-Key":           "",
				"Accept-Encoding":           "", // we read no answer, compressed or not
			} {
				if got := r.header.Get(name); got != want {
					t.Errorf("%s: got %q, want %q", name, got, want)
				}
			}
		})
	}
}

// TestStandInIsNoLead: a delivery under a stand-in has no headers about a lead, and still has the
// one about the channel.
func TestStandInIsNoLead(t *testing.T) {
	t.Parallel()
	for name, standIn := range map[string]followup.LeadID{
		"account": followup.AccountLead(channel), "group": followup.GroupLead(channel, "g1"),
		"contact": followup.ContactLead(tenant, followup.Identity{Phone: "15550100001"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantNoLead(t, standIn)
		})
	}
}

// wantNoLead delivers an event under the stand-in and checks the headers.
func wantNoLead(t *testing.T, standIn followup.LeadID) {
	t.Helper()
	s := memstore.New()
	a := newAssistant(t, nil)
	_, err := s.Settle(t.Context(), followup.Settlement{
		Tenant: tenant, Lead: standIn, Account: true, Now: start, Real: time.Now(),
		Items: []followup.Item{{
			DedupID: "notice", Channel: channel, Assistant: assistantID(1),
			Relay: &followup.RelayEvent{Channel: channel, Account: "waba", Field: "account_update", Value: json.RawMessage(`{}`)},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	newRelay(t, s, nil, a.url)
	h := a.next(t).header
	for _, name := range []string{"X-Wagate-Lead-Id", "X-Wagate-Window-Closes-At"} {
		if v, ok := h[name]; ok {
			t.Errorf("%s: got %q, want it absent", name, v)
		}
	}
	if got := h.Get("X-Wagate-Channel-Id"); got != string(channel) {
		t.Errorf("X-Wagate-Channel-Id: got %q, want %q", got, channel)
	}
}

// TestI1FrozenOnRetry: a retry has the same body and the same webhook-id as the first try, even if
// more events have come since.
func TestI1FrozenOnRetry(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	var lead sync.Once
	a := newAssistant(t, func(n int, w http.ResponseWriter, _ request) {
		if n <= 3 {
			lead.Do(func() { events(t, s, assistantID(1), "15550100001", 3, 2) })
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	events(t, s, assistantID(1), "15550100001", 1, 2)
	newRelay(t, s, nil, a.url)
	first := a.next(t)
	for range 3 {
		again := a.next(t)
		if string(again.body) != string(first.body) {
			t.Errorf("got body %s, want %s", again.body, first.body)
		}
		if got, want := again.header.Get("webhook-id"), first.header.Get("webhook-id"); got != want {
			t.Errorf("got webhook-id %s, want %s", got, want)
		}
	}
	rest := a.next(t)
	if got, want := rest.changes(t), []string{"3", "4"}; !slices.Equal(got, want) {
		t.Errorf("got %v after the retries, want %v", got, want)
	}
	if rest.header.Get("webhook-id") == first.header.Get("webhook-id") {
		t.Error("got the same webhook-id for another delivery, want a new one")
	}
}

// TestI9OrderUnderFailures: whatever fails, and however often, each lead's events arrive in order
// and none is lost.
func TestI9OrderUnderFailures(t *testing.T) {
	t.Parallel()
	const leads, each = 12, 30
	s := memstore.New()
	a := newAssistant(t, func(n int, w http.ResponseWriter, _ request) {
		switch n % 5 {
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
		case 3:
			panic(http.ErrAbortHandler) // the connection breaks after the body was read
		}
	})
	byLead := map[string][]string{}
	r := newRelay(t, s, func(p *Params) { p.MaxEvents = 4 }, a.url)
	for i := range leads {
		lead := events(t, s, assistantID(1), fmt.Sprintf("1555010%04d", i), 1, each)
		byLead[string(lead)] = nil
		r.Wake()
	}
	waitDrained(t, s)

	a.mu.Lock()
	defer a.mu.Unlock()
	accepted := map[string]bool{}
	for _, q := range a.seen {
		id := q.header.Get("webhook-id")
		if accepted[id] {
			continue // accepted before; only the answer was lost
		}
		accepted[id] = true
		lead := q.header.Get("X-Wagate-Lead-Id")
		byLead[lead] = append(byLead[lead], q.changes(t)...)
	}
	for lead, got := range byLead {
		if len(got) != each {
			t.Errorf("lead %s: got %d events, want %d", lead, len(got), each)
			continue
		}
		for i, v := range got {
			if want := fmt.Sprint(i + 1); v != want {
				t.Errorf("lead %s: got %v, want 1 to %d in order", lead, got, each)
				break
			}
		}
	}
}

// TestDeadLetters: the third rejection makes an event a dead letter, the next event follows, and a
// replay delivers the dead letter.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	a := newAssistant(t, func(n int, w http.ResponseWriter, _ request) {
		if n <= 3 {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
	})
	events(t, s, assistantID(1), "15550100001", 1, 1)
	r := newRelay(t, s, nil, a.url)
	for range 3 {
		a.next(t)
	}
	events(t, s, assistantID(1), "15550100001", 2, 1)
	r.Wake()
	if got, want := a.next(t).changes(t), []string{"2"}; !slices.Equal(got, want) {
		t.Errorf("got %v after the rejected event, want %v", got, want)
	}
	dead, n, err := s.DeadLetters(t.Context(), tenant, 10, 0)
	if err != nil || n != 1 {
		t.Fatalf("got %d dead letters (%v), want 1", n, err)
	}
	if got, want := dead[0].Reason, "rejected 422"; got != want {
		t.Errorf("got reason %q, want %q", got, want)
	}
	if err := s.ReplayDead(t.Context(), dead[0].ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	r.Wake()
	if got, want := a.next(t).changes(t), []string{"1"}; !slices.Equal(got, want) {
		t.Errorf("got %v after the replay, want %v", got, want)
	}
}

// TestRedirectsAreNotFollowed: a redirect counts as a failed try, and its target gets no request.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	elsewhere := newAssistant(t, nil)
	a := newAssistant(t, func(n int, w http.ResponseWriter, r request) {
		if n == 1 {
			http.Redirect(w, r.http, elsewhere.url, http.StatusTemporaryRedirect)
		}
	})
	events(t, s, assistantID(1), "15550100001", 1, 1)
	newRelay(t, s, nil, a.url)
	a.next(t)
	a.next(t)
	if n := len(elsewhere.got); n != 0 {
		t.Errorf("got %d requests at the redirect's target, want none", n)
	}
}

// TestUnknownAssistantWaits: events for an assistant without an endpoint are retried, because the
// operator's file may name it again.
func TestUnknownAssistantWaits(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	a := newAssistant(t, nil)
	events(t, s, assistantID(7), "15550100001", 1, 1)
	events(t, s, assistantID(1), "15550100002", 1, 1)
	r := newRelay(t, s, nil, a.url)
	a.next(t)
	waitFor(t, func() bool { return count(r, outcomeRetried) >= 2 })
	if _, n, _ := s.DeadLetters(t.Context(), tenant, 10, 0); n != 0 {
		t.Errorf("got %d dead letters, want none: the assistant may come back", n)
	}
}

// TestNewListsEveryBadEndpoint: the error of New names every assistant with a bad endpoint, and
// shows no URL and no secret.
func TestNewListsEveryBadEndpoint(t *testing.T) {
	t.Parallel()
	p := Params{Endpoints: map[followup.AssistantID]Endpoint{
		assistantID(1): {URL: "ftp://secret.example/x?token=hidden", Secrets: []string{"s"}},
		assistantID(2): {URL: "https://a.example"},
		assistantID(3): {URL: "https://a.example", Secrets: []string{"s"}},
		assistantID(4): {URL: "::hidden", Secrets: []string{"s"}},
		assistantID(5): {URL: "https:///hidden", Secrets: []string{"s"}},
		assistantID(6): {URL: "https://a.example", Secrets: []string{"hidden", ""}},
	}}
	_, err := New(p)
	if err == nil {
		t.Fatal("got no error, want one")
	}
	for n, want := range map[int]bool{1: true, 2: true, 3: false, 4: true, 5: true, 6: true} {
		if got := strings.Contains(err.Error(), string(assistantID(n))); got != want {
			t.Errorf("assistant %d: named is %v, want %v in %q", n, got, want, err)
		}
	}
	if strings.Contains(err.Error(), "hidden") {
		t.Errorf("got a URL or a secret in %q, want them left out", err)
	}
}
