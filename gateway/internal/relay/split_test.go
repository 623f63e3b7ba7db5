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

// TestI1OnlyBadEventIsDeadLettered: one event that the assistant rejects takes no
// other with it, and the order of the others stays.
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
		garble string // the event that the store has lost the sense of
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
			r := newRelay(t, &garbling{Store: s, value: c.garble}, nil, a.url)
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
				t.Errorf("got %v split, want 1", got)
			}
		})
	}
}

// garbling hands out one event as what is no JSON.
type garbling struct {
	Store
	value string
}

func (g *garbling) ClaimDeliveries(ctx context.Context, c followup.ClaimDeliveries) ([]followup.Delivery, time.Duration, error) {
	out, next, err := g.Store.ClaimDeliveries(ctx, c)
	for _, d := range out {
		for i := range d.Events {
			if string(d.Events[i].Value) == g.value {
				d.Events[i].Value = json.RawMessage(`{`)
			}
		}
	}
	return out, next, err
}

// TestTooLargeIsSplitAtOnce: who finds several events too large gets them one
// by one, without being asked the same twice.
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

// TestDeliveryIsBounded: about a megabyte makes a delivery.
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

// TestGoneIsDeadAtOnce: an endpoint that is gone for good is not asked again for
// the same delivery, which waits for an operator.
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
		t.Errorf("got %v replayed, want %v", got, want)
	}
}
