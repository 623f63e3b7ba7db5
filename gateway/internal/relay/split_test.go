package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
)

// TestI1OnlyBadEventIsDeadLettered: one event that the assistant rejects, or that is not valid
// JSON, becomes a dead letter alone. The other events of its delivery are delivered, in order.
func TestI1OnlyBadEventIsDeadLettered(t *testing.T) {
	t.Parallel()
	rejects := func(r request) int {
		if slices.Contains(r.changes(t), "4") {
			return http.StatusUnprocessableEntity
		}
		return http.StatusOK
	}
	for name, c := range map[string]struct {
		answer func(request) int
		garble string // the event that the store returns as invalid JSON
		tries  int
		dead   string
	}{
		"rejected":  {rejects, "", 3 + 6 + 3, "rejected 422"},
		"malformed": {func(request) int { return http.StatusOK }, "4", 6, "malformed event"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := memstore.New()
			a := newAssistant(t, func(_ int, w http.ResponseWriter, r request) { w.WriteHeader(c.answer(r)) })
			events(t, s, assistantID(1), "15550100001", 1, 7)
			r := newRelay(t, &garblingStore{Store: s, value: c.garble}, nil, a.url)
			waitDrained(t, s)
			var got []string
			for _, q := range a.requests() {
				if c.answer(q) == http.StatusOK {
					got = append(got, q.changes(t)...)
				}
			}
			if want := []string{"1", "2", "3", "5", "6", "7"}; !slices.Equal(got, want) {
				t.Errorf("got %v delivered, want %v", got, want)
			}
			if n := len(a.requests()); n != c.tries {
				t.Errorf("got %d tries, want %d", n, c.tries)
			}
			dead, n, err := s.DeadLetters(t.Context(), tenant, 10, 0)
			if err != nil || n != 1 || dead[0].Count != 1 || dead[0].Reason != c.dead {
				t.Fatalf("got %+v (%v), want one dead letter of one event, %s", dead, err, c.dead)
			}
			letter, err := s.DeadLetter(t.Context(), dead[0].ID)
			if err != nil || string(letter.Events[0].Value) != "4" {
				t.Errorf("got %+v (%v), want the fourth event", letter.Events, err)
			}
			if got := count(r, outcomeSplit); got != 1 {
				t.Errorf("got %v deliveries split, want 1", got)
			}
		})
	}
}

// garblingStore hands out the event with one value as invalid JSON.
type garblingStore struct {
	Store
	value string
}

func (s *garblingStore) ClaimDeliveries(ctx context.Context, c followup.ClaimDeliveries) ([]followup.Delivery, time.Duration, error) {
	out, next, err := s.Store.ClaimDeliveries(ctx, c)
	for _, d := range out {
		for i := range d.Events {
			if string(d.Events[i].Value) == s.value {
				d.Events[i].Value = json.RawMessage(`{`)
			}
		}
	}
	return out, next, err
}

// TestTooLargeIsSplitAtOnce: after a 413 to several events the relay sends them one by one, without
// trying the whole delivery a second time.
func TestTooLargeIsSplitAtOnce(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	a := newAssistant(t, func(_ int, w http.ResponseWriter, r request) {
		if len(r.changes(t)) > 1 {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
	})
	events(t, s, assistantID(1), "15550100001", 1, 3)
	newRelay(t, s, nil, a.url)
	for _, want := range []string{"1 2 3", "1", "2", "3"} {
		if got := strings.Join(a.next(t).changes(t), " "); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestDeliveryIsBounded: a delivery holds about 1 MB of events; the rest follows in the next
// delivery.
func TestDeliveryIsBounded(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	a := newAssistant(t, nil)
	lead := events(t, s, assistantID(1), "15550100001", 1, 1)
	for i, size := range []int{600_000, 600_000} {
		value, err := json.Marshal(strings.Repeat("x", size))
		if err != nil {
			t.Fatal(err)
		}
		settle(t, s, lead, assistantID(1), fmt.Sprint("large ", i), value)
	}
	newRelay(t, s, nil, a.url)
	for i, want := range []int{2, 1} {
		if got := len(a.next(t).changes(t)); got != want {
			t.Errorf("delivery %d: got %d events, want %d", i, got, want)
		}
	}
}

// TestGoneIsDeadAtOnce: a 410 makes the whole delivery a dead letter at once. It is delivered when
// an operator replays it.
func TestGoneIsDeadAtOnce(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	a := newAssistant(t, func(n int, w http.ResponseWriter, _ request) {
		if n == 1 {
			w.WriteHeader(http.StatusGone)
		}
	})
	events(t, s, assistantID(1), "15550100001", 1, 3)
	r := newRelay(t, s, nil, a.url)
	a.next(t)
	waitFor(t, func() bool { return count(r, outcomeDead) == 1 })
	dead, n, err := s.DeadLetters(t.Context(), tenant, 10, 0)
	if err != nil || n != 1 || dead[0].Reason != "rejected 410" || dead[0].Count != 3 {
		t.Fatalf("got %+v (%v), want one dead letter of three events, rejected 410", dead, err)
	}
	if err := s.ReplayDead(t.Context(), dead[0].ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	r.Wake()
	if got, want := a.next(t).changes(t), []string{"1", "2", "3"}; !slices.Equal(got, want) {
		t.Errorf("got %v after the replay, want %v", got, want)
	}
}
