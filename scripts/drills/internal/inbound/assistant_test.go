package inbound

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"wagate/providers/meta"
	"wagate/providers/providertest"
)

// shop are the assistants of two tenants.
func shop(t *testing.T, events []event, tenants ...*tenant) *assistants {
	t.Helper()
	a, err := startAssistants(newLedger(events), tenants)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// deliver posts a delivery as wagate does and returns the status; 0: none.
func (a *assistants) deliver(t *testing.T, path, id, secret, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+a.addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Webhook-Id", id)
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

// TestAssistantNotes: what an assistant is shown stands in the ledger as it was.
func TestAssistantNotes(t *testing.T) {
	t.Parallel()
	one, other := &tenant{name: "one", manner: calm}, &tenant{name: "other", number: 1, manner: picky}
	ada, cem := &lead{tenant: one}, &lead{tenant: other}
	events := []event{{lead: ada, id: "a0"}, {lead: ada, nth: 1, id: "a1", state: "sent"}, {lead: cem, id: "c0", poison: true}}
	a := shop(t, events, one, other)
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
		{"what was not sent", "/0", one.secret(), body(text("z9", "hello")), 200, arrival{events: []int{strange}}},
		{"what is no event", "/0", one.secret(), body(`{"value":{}}`), 200, arrival{events: []int{strange}}},
		{"what is no JSON", "/0", one.secret(), "hello", 200, arrival{events: []int{strange}}},
		{"signed by another", "/0", "other", body(text("a0", "hello")), 200, arrival{events: []int{0}, unsigned: true}},
		{"at another's", "/1", other.secret(), body(text("a0", "hello")), 200, arrival{tenant: 1, events: []int{0}}},
		{"poison", "/1", other.secret(), body(text("c0", "poison 0")), 422, arrival{tenant: 1, events: []int{2}}},
	} {
		if got := a.deliver(t, c.path, c.name, c.secret, c.body); got != c.status {
			t.Errorf("%s: answered %d, want %d", c.name, got, c.status)
		}
		got := a.ledger.arrivals[len(a.ledger.arrivals)-1]
		if got.delivery != c.name || got.status != c.status || got.tenant != c.want.tenant || got.forged != c.want.forged ||
			got.unsigned != c.want.unsigned || !slices.Equal(got.events, c.want.events) {
			t.Errorf("%s: noted %+v, want %+v and the answer", c.name, got, c.want)
		}
	}
	a.mild.Store(true)
	if got := a.deliver(t, "/1", "again", other.secret(), body(text("c0", "poison 0"))); got != 200 {
		t.Errorf("poison for a mild one: answered %d, want 200", got)
	}
}

// TestMoods: an assistant in trouble takes every delivery in the end, and the
// healed take all.
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
			t.Errorf("manner %d: got %d bad tries, %d in a row, want some, and no more than %d", m, bad, worst, maxBad)
		}
		a.healed.Store(true)
		if got := a.mood(tn, "id"); got != (mood{}) {
			t.Errorf("manner %d, healed: got %+v, want it to take all", m, got)
		}
	}
}

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
