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

// TestPanicCountsAsFailedTry: what panics on its way to an assistant, also while
// the breaker looks whether it is back, costs no slot and no delivery, and the
// log says where it was.
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
			t.Errorf("got %v tried again, want %d", got, refused+panics)
		}
		if said := log.String(); !strings.Contains(said, "panic_test.go") || strings.Contains(said, "text of a lead") {
			t.Errorf("got log %s, want the stack and not the panic's own text", said)
		}
	})
}

// frail panics when it is told that a delivery came, the first times.
type frail struct {
	Store
	panics atomic.Int32
}

func (f *frail) FinishDelivery(ctx context.Context, d followup.FinishDelivery) error {
	if d.Delivered && f.panics.Add(-1) >= 0 {
		panic("text of a lead")
	}
	return f.Store.FinishDelivery(ctx, d)
}

// TestPanicInStore: a result whose recording panics is that of a try that
// failed: it comes again after a back-off, and gives its slot back.
func TestPanicInStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		events(t, s, assistantID(1), "15550100001", 1, 1)
		events(t, s, assistantID(1), "15550100002", 1, 1)
		store := &frail{Store: s}
		store.panics.Store(3)
		r, w := bubble(t, store, answerWith(func(time.Duration) int { return http.StatusOK }), func(p *Params) {
			p.Concurrency, p.PerAssistant = 1, 1
			p.Jitter = func(d time.Duration) time.Duration { return d }
		})
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if got := count(r, outcomeDelivered); got != 2 || len(w.tryTimes()) != 5 {
			t.Errorf("got %v delivered in tries at %v, want both, in five", got, w.tryTimes())
		}
		if got := count(r, outcomeRetried); got != 3 {
			t.Errorf("got %v tried again, want 3", got)
		}
	})
}

// TestEndlessPanicEndsInDeadLetter: what panics every time, in the try or in
// recording it, is not tried for ever, and what is behind it in its conversation
// comes then.
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
				store := &frail{Store: s}
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
					t.Errorf("got dead letters %+v (%v), want the one that panicked", dead, err)
				}
				if st, err := s.Stats(t.Context(), start, time.Now()); err != nil || st.RelayPending != 0 {
					t.Errorf("got %d waiting (%v), want none", st.RelayPending, err)
				}
			})
		})
	}
}
