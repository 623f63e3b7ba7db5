package inbound

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"wagate/providers/meta"
	"wagate/providers/providertest"
)

// newAssistants starts the assistants of the tenants, and closes them when the test ends.
func newAssistants(t *testing.T, events []event, tenants ...*tenant) *assistants {
	t.Helper()
	a, err := startAssistants(newLedger(events), tenants)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// deliver posts a delivery as wagate does and returns the status, or 0 if there was no answer.
func (a *assistants) deliver(t *testing.T, path, id, secret, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+a.Addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	hook, err := standardwebhooks.NewWebhookRaw([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	signature, err := hook.Sign(id, now, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	req.Header.Set("Webhook-Signature", signature)
	req.Header.Set(meta.SignatureHeader, providertest.Sign(secret, []byte(body)))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		if errors.Is(err, io.EOF) || strings.Contains(err.Error(), "reset") {
			return 0
		}
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// TestAssistantNotes: the ledger must hold what each assistant is shown, and the answer.
func TestAssistantNotes(t *testing.T) {
	t.Parallel()
	one, other := &tenant{name: "one", manner: calm}, &tenant{name: "other", number: 1, manner: picky}
	ada, cem := &lead{tenant: one}, &lead{tenant: other}
	events := []event{{lead: ada, id: "a0"}, {lead: ada, nth: 1, id: "a1", state: "sent"}, {lead: cem, id: "c0", poison: true}}
	a := newAssistants(t, events, one, other)
	text := func(id, words string) string {
		return `{"value":{"messages":[{"id":"` + id + `","text":{"body":"` + words + `"}}]}}`
	}
	body := func(changes ...string) string { return `{"entry":[{"changes":[` + strings.Join(changes, ",") + `]}]}` }
	for _, c := range []struct {
		name, path, secret, body string
		status                   int
		want                     arrival
	}{
		{
			"a text and a status", "/0", one.secret(), body(text("a0", "hello"), `{"value":{"statuses":[{"id":"a1","status":"sent"}]}}`),
			200,
			arrival{events: []int{0, 1}},
		},
		{"a status that was not sent", "/0", one.secret(), body(`{"value":{"statuses":[{"id":"a1","status":"read"}]}}`), 200, arrival{events: []int{strange}}},
		{"forged, under an id that is known", "/0", one.secret(), body(text("a0", "forged a0")), 200, arrival{forged: 1}},
		{"an event that was not sent", "/0", one.secret(), body(text("z9", "hello")), 200, arrival{events: []int{strange}}},
		{"a change without an event", "/0", one.secret(), body(`{"value":{}}`), 200, arrival{events: []int{strange}}},
		{"a body that is not JSON", "/0", one.secret(), "hello", 200, arrival{events: []int{strange}}},
		{"signed with another secret", "/0", "other", body(text("a0", "hello")), 200, arrival{events: []int{0}, unsigned: true}},
		{"shown to another tenant's assistant", "/1", other.secret(), body(text("a0", "hello")), 200, arrival{tenant: 1, events: []int{0}}},
		{"poison", "/1", other.secret(), body(text("c0", "poison 0")), 422, arrival{tenant: 1, events: []int{2}}},
	} {
		if got := a.deliver(t, c.path, c.name, c.secret, c.body); got != c.status {
			t.Errorf("%s: got status %d, want %d", c.name, got, c.status)
		}
		got := a.ledger.arrivals[len(a.ledger.arrivals)-1]
		if got.delivery != c.name || got.status != c.status || got.tenant != c.want.tenant || got.forged != c.want.forged ||
			got.unsigned != c.want.unsigned || !slices.Equal(got.events, c.want.events) {
			t.Errorf("%s: got noted %+v, want %+v and the answer", c.name, got, c.want)
		}
	}
	a.mild.Store(true)
	if got := a.deliver(t, "/1", "again", other.secret(), body(text("c0", "poison 0"))); got != 200 {
		t.Errorf("poison when mild: got status %d, want 200", got)
	}
}

// TestSigned: a raw webhook must bear the signature of its app, a narrowed one must bear none, and
// a tenant that did not ask for raw webhooks must get neither.
func TestSigned(t *testing.T) {
	t.Parallel()
	body := []byte(`{"entry":[]}`)
	plain, asItCame := &tenant{name: "plain", app: mainApp}, &tenant{name: "as-it-came", app: mainApp, manner: raw}
	for _, c := range []struct {
		of          *tenant
		format, sum string
		want        bool
	}{
		{plain, "", providertest.Sign(plain.secret(), body), true},
		{plain, "", providertest.Sign(mainApp.secret, body), false},
		{plain, "raw", providertest.Sign(mainApp.secret, body), false},
		{asItCame, "raw", providertest.Sign(mainApp.secret, body), true},
		{asItCame, "raw", providertest.Sign(asItCame.secret(), body), false},
		{asItCame, "raw", "", false},
		{asItCame, "raw-narrowed", "", true},
		{asItCame, "raw-narrowed", providertest.Sign(mainApp.secret, body), false},
		{asItCame, "", providertest.Sign(asItCame.secret(), body), false},
	} {
		for secret, ours := range map[string]bool{c.of.secret(): true, "another": false} {
			h := http.Header{}
			now := time.Now()
			hook, _ := standardwebhooks.NewWebhookRaw([]byte(secret))
			signature, _ := hook.Sign("id", now, body)
			h.Set("Webhook-Id", "id")
			h.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
			h.Set("Webhook-Signature", signature)
			h.Set(meta.SignatureHeader, c.sum)
			h.Set("X-Wagate-Format", c.format)
			if got := c.of.signed(h, body); got != (c.want && ours) {
				t.Errorf("%s as %q, signed by us %v: got %v, want the opposite", c.of.name, c.format, ours, got)
			}
		}
	}
}

// TestMoods: an assistant in trouble must take every delivery in the end, and a healed one must
// take each at once.
func TestMoods(t *testing.T) {
	t.Parallel()
	for _, m := range []manner{slow, failing} {
		tn := &tenant{name: "x", manner: m}
		a := &assistants{bad: map[string]int{}}
		row, worst, bad := 0, 0, 0
		for range 10_000 {
			if a.mood(tn, "id").good() {
				row = 0
				continue
			}
			bad++
			row++
			worst = max(worst, row)
		}
		if worst > maxBad || bad == 0 {
			t.Errorf("manner %d: got %d bad tries, %d in a row, want some, and at most %d in a row", m, bad, worst, maxBad)
		}
		a.healed.Store(true)
		if got := a.mood(tn, "id"); got != (mood{}) {
			t.Errorf("manner %d, healed: got %+v, want it to take all", m, got)
		}
	}
}

// TestMeasure: the time until an assistant is shown a text, and until the provider is answered,
// must count from when the text was due.
func TestMeasure(t *testing.T) {
	t.Parallel()
	began := time.Now()
	due, acked, shown := map[int]time.Time{}, map[int]time.Time{}, map[int]time.Time{}
	for i := range 200 {
		due[i] = began.Add(time.Duration(i) * time.Second)
		acked[i] = due[i].Add(time.Duration(200-i) * time.Microsecond)
		shown[i] = due[i].Add(time.Duration(i+1) * time.Millisecond)
	}
	got := measure(due, acked, shown)
	if want := (passage{texts: 200, p50: 100 * time.Millisecond, p99: 198 * time.Millisecond, max: 200 * time.Millisecond, kept: 198 * time.Microsecond}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
