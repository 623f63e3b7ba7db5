package relay

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
)

// TestPanicCountsAsFailedTry: a panic during a try, also during the breaker's probe, counts as a
// failed try. It costs no slot and no delivery, and the log has the stack.
func TestPanicCountsAsFailedTry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		events(t, s, assistantID(1), "15550100001", 1, 1)
		events(t, s, assistantID(1), "15550100002", 1, 1)
		var tries atomic.Int32
		var log bytes.Buffer
		const refused, panics = breakerFailures, 3
		r, _ := bubble(t, s, func(string, time.Duration) reply {
			switch n := tries.Add(1); {
			case n <= refused:
				return reply{}
			case n <= refused+panics:
				panic("text of a lead")
			}
			return reply{status: http.StatusOK}
		}, func(p *Params) {
			p.Concurrency, p.PerAssistant = 1, 1
			p.Logger = slog.New(slog.NewTextHandler(&log, nil))
		})
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if got := count(r, outcomeDelivered); got != 2 {
			t.Errorf("got %v delivered, want 2", got)
		}
		if got := count(r, outcomeRetried); got != refused+panics {
			t.Errorf("got %v retried, want %d", got, refused+panics)
		}
		if said := log.String(); !strings.Contains(said, "panic_test.go") || strings.Contains(said, "text of a lead") {
			t.Errorf("got log %s, want the stack without the panic's own text", said)
		}
	})
}

// panickingStore panics the first times that it is told of a delivered delivery, or of any.
type panickingStore struct {
	Store
	panics atomic.Int32
	any    bool
}

func (s *panickingStore) FinishDelivery(ctx context.Context, d followup.FinishDelivery) error {
	if (d.Delivered || s.any) && s.panics.Add(-1) >= 0 {
		panic("text of a lead")
	}
	return s.Store.FinishDelivery(ctx, d)
}

// TestPanicInStore: if recording a result panics, the try counts as failed. The delivery comes
// again after a back-off, and its slot is free again.
func TestPanicInStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		events(t, s, assistantID(1), "15550100001", 1, 1)
		events(t, s, assistantID(1), "15550100002", 1, 1)
		store := &panickingStore{Store: s}
		store.panics.Store(3)
		r, w := bubble(t, store, answerWith(func(time.Duration) int { return http.StatusOK }), func(p *Params) {
			p.Concurrency, p.PerAssistant = 1, 1
			p.Jitter = func(d time.Duration) time.Duration { return d }
		})
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if got := count(r, outcomeDelivered); got != 2 || len(w.tryTimes()) != 5 {
			t.Errorf("got %v delivered in tries at %v, want 2 in five tries", got, w.tryTimes())
		}
		if got := count(r, outcomeRetried); got != 3 {
			t.Errorf("got %v retried, want 3", got)
		}
	})
}

// TestPanicInStoreTwice: if recording the failed try panics too, the process lives on. The delivery
// comes again when its lease has run out, and its slot is free then.
func TestPanicInStoreTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		events(t, s, assistantID(1), "15550100001", 1, 1)
		store := &panickingStore{Store: s, any: true}
		store.panics.Store(2)
		r, w := bubble(t, store, answerWith(func(time.Duration) int { return http.StatusOK }), func(p *Params) {
			p.Concurrency, p.PerAssistant = 1, 1
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := count(r, outcomeDelivered); got != 1 || len(w.tryTimes()) != 2 {
			t.Errorf("got %v delivered in tries at %v, want 1 in two tries", got, w.tryTimes())
		}
	})
}

// TestEndlessPanicEndsInDeadLetter: a delivery that panics every time, in the try or when its
// result is recorded, becomes a dead letter after a day. Then what is behind it in its conversation
// is delivered.
func TestEndlessPanicEndsInDeadLetter(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		panics int32
		answer func() reply
	}{
		"the try":    {0, func() reply { panic("text of a lead") }},
		"its record": {1 << 30, func() reply { return reply{status: http.StatusOK} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := memstore.New()
				events(t, s, assistantID(1), "15550100001", 1, 1)
				store := &panickingStore{Store: s}
				store.panics.Store(c.panics)
				_, w := bubble(t, store, func(_ string, at time.Duration) reply {
					if at < giveUpAfter+time.Minute {
						return c.answer()
					}
					return reply{status: http.StatusOK}
				})
				time.Sleep(time.Second)
				events(t, s, assistantID(1), "15550100001", 2, 1)
				time.Sleep(giveUpAfter + maxRetry)
				synctest.Wait()
				if n := len(w.tryTimes()); n < 280 || n > 620 {
					t.Errorf("got %d tries in a day, want one every 2.5 to 5 minutes", n)
				}
				store.panics.Store(0)
				time.Sleep(maxRetry)
				synctest.Wait()
				dead, n, err := s.DeadLetters(t.Context(), tenant, 10, 0)
				if err != nil || n != 1 || dead[0].Reason != "gave up after 24h: internal error" {
					t.Errorf("got dead letters %+v (%v), want only the one that panicked", dead, err)
				}
				if st, err := s.Stats(t.Context(), start, time.Now()); err != nil || st.RelayPending != 0 {
					t.Errorf("got %d waiting (%v), want none", st.RelayPending, err)
				}
			})
		})
	}
}
