package inbound

import (
	"context"
	"encoding/json"
	"hash/maphash"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"wagate/providers/meta"
	"wagate/providers/providertest"
	"wagate/scripts/drills/internal/loopback"
)

// assistants are the assistants of all tenants, on one port.
type assistants struct {
	*loopback.Server

	ledger  *ledger
	tenants []*tenant
	seed    maphash.Seed
	// healed stops all trouble except rejections.
	healed atomic.Bool
	mild   atomic.Bool // nothing is rejected either
	// arrived receives a value for each try, if somebody receives.
	arrived chan struct{}

	mu  sync.Mutex
	bad map[string]int // failed tries in a row, by webhook-id
}

// maxBad is how many tries of a delivery fail in a row at most, so that its retries, which come at
// growing intervals, end.
const maxBad = 3

func startAssistants(l *ledger, tenants []*tenant) (*assistants, error) {
	a := &assistants{
		ledger: l, tenants: tenants, seed: maphash.MakeSeed(), arrived: make(chan struct{}), bad: map[string]int{},
	}
	var err error
	a.Server, err = loopback.Listen("assistants", a.serve)
	return a, err
}

// serve handles one try of wagate to deliver.
func (a *assistants) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender is gone
	}
	n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
	if err != nil || n < 0 || n >= len(a.tenants) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	t := a.tenants[n]
	try, poisoned := a.note(t, r.Header, body)
	select {
	case a.arrived <- struct{}{}:
	default:
	}
	if poisoned && !a.mild.Load() {
		a.answer(w, try, http.StatusUnprocessableEntity)
		return
	}
	a.play(r.Context(), w, try, a.mood(t, r.Header.Get("Webhook-Id")))
}

// note adds a try to the ledger and reports whether it holds an event that the assistant rejects.
func (a *assistants) note(t *tenant, h http.Header, body []byte) (try int, poisoned bool) {
	in := arrival{
		at: time.Now(), tenant: t.number, delivery: h.Get("Webhook-Id"), sum: maphash.Bytes(a.seed, body),
		unsigned: !t.signed(h, body), raw: t.manner == raw,
	}
	for _, r := range read(body) {
		switch n, ok := a.ledger.numbers[eventKey(r.id, r.state)]; {
		case strings.HasPrefix(r.words, forgedWords):
			in.forged++
		case !ok:
			in.events = append(in.events, strange)
		default:
			in.events = append(in.events, n)
			poisoned = poisoned || a.ledger.events[n].poison
		}
	}
	return a.ledger.arrive(in), poisoned
}

// signed reports whether a delivery is signed correctly. The Standard Webhooks signature must be
// made with the assistant's secret. Meta's signature must be made with that secret too; for the raw
// tenant, it must be the app's over a whole body, and missing over a narrowed one.
func (t *tenant) signed(h http.Header, body []byte) bool {
	hook, err := standardwebhooks.NewWebhookRaw([]byte(t.secret()))
	if err != nil || hook.Verify(body, h) != nil {
		return false
	}
	want := map[string]string{"": providertest.Sign(t.secret(), body)}
	if t.manner == raw {
		want = map[string]string{"raw": providertest.Sign(t.app.secret, body), "raw-narrowed": ""}
	}
	sum, ok := want[h.Get("X-Wagate-Format")]
	return ok && h.Get(meta.SignatureHeader) == sum
}

// told is one event of a body in Meta's shape.
type told struct{ id, state, words string }

// read returns the events of a body in Meta's shape. A body of another shape counts as one event
// that nobody sent.
func read(body []byte) []told {
	var envelope struct {
		Entry []struct {
			Changes []struct {
				Value json.RawMessage `json:"value"`
			} `json:"changes"`
		} `json:"entry"`
	}
	if json.Unmarshal(body, &envelope) != nil {
		return []told{{}}
	}
	var all []told
	for _, e := range envelope.Entry {
		for _, c := range e.Changes {
			all = append(all, readValue(c.Value)...)
		}
	}
	return all
}

// readValue returns the events of a change's value, or an event that nobody sent if there are none.
func readValue(value json.RawMessage) []told {
	var v struct {
		Messages []struct {
			ID   string `json:"id"`
			Text struct {
				Body string `json:"body"`
			} `json:"text"`
		} `json:"messages"`
		Statuses []struct {
			ID     string `json:"id"`
			Status string `json:"status"`
		} `json:"statuses"`
	}
	if json.Unmarshal(value, &v) != nil || len(v.Messages)+len(v.Statuses) == 0 {
		return []told{{}}
	}
	var all []told
	for _, m := range v.Messages {
		all = append(all, told{id: m.ID, words: m.Text.Body})
	}
	for _, s := range v.Statuses {
		all = append(all, told{id: s.ID, state: s.Status})
	}
	return all
}

// mood is how an assistant treats a try.
type mood struct {
	wait   time.Duration
	never  bool // it never answers
	reset  bool
	status int // default 200
}

// mood returns how the tenant's assistant treats this try.
func (a *assistants) mood(t *tenant, delivery string) mood {
	if a.healed.Load() || t.manner != slow && t.manner != failing {
		return mood{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	m := t.manner.mood(rand.IntN(100)) //nolint:gosec // no secret
	if m.good() || a.bad[delivery] >= maxBad {
		delete(a.bad, delivery)
		return mood{wait: m.wait}
	}
	a.bad[delivery]++
	return m
}

func (m mood) good() bool { return !m.never && !m.reset && m.status == 0 }

// mood returns the treatment for a roll of a hundred-sided die.
func (m manner) mood(die int) mood {
	if m == slow {
		if die < 2 {
			return mood{never: true}
		}
		return mood{wait: time.Duration(50+4*die) * time.Millisecond}
	}
	switch {
	case die < 20:
		return mood{status: http.StatusInternalServerError}
	case die < 23:
		return mood{status: http.StatusTooManyRequests}
	case die < 25:
		return mood{status: http.StatusServiceUnavailable}
	case die < 35:
		return mood{reset: true}
	}
	return mood{}
}

// play answers a try according to the mood.
func (a *assistants) play(ctx context.Context, w http.ResponseWriter, try int, m mood) {
	if m.never {
		<-ctx.Done()
		return
	}
	if m.wait > 0 {
		select {
		case <-time.After(m.wait):
		case <-ctx.Done():
			return // wagate has given up
		}
	}
	if m.reset {
		providertest.Reset(w)
		return
	}
	if m.status == 0 {
		m.status = http.StatusOK
	}
	a.answer(w, try, m.status)
}

func (a *assistants) answer(w http.ResponseWriter, try, status int) {
	a.ledger.answer(try, status)
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(status)
}
