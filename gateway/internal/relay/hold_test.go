package relay

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
)

// TestRetryAfterHoldsTheAssistant: who asks to wait is left alone, whatever
// there is for it; then one delivery asks whether it has had enough, and only
// when it has come the others. Nobody else waits.
func TestRetryAfterHoldsTheAssistant(t *testing.T) {
	t.Parallel()
	const leads = 10
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := memstore.New()
				events(t, s, assistantID(1), "15550100000", 1, 1)
				r, w := bubble(t, s, func(of string, at time.Duration) reply {
					if of == host(1) && at < 150*time.Second {
						return reply{status: status, wait: time.Minute, takes: time.Second}
					}
					return reply{status: http.StatusOK, takes: time.Second}
				}, func(p *Params) { endpoint(p, 2) })
				time.Sleep(2 * time.Second)
				for i := 1; i < leads; i++ {
					events(t, s, assistantID(1), fmt.Sprintf("1555010%04d", i), 1, 1)
				}
				events(t, s, assistantID(2), "15550200000", 1, 1)
				r.Wake()
				time.Sleep(8 * time.Second)
				synctest.Wait()
				if got := count(r, outcomeDelivered); got != 1 {
					t.Errorf("got %v delivered while one assistant asks to wait, want the one of the other", got)
				}
				time.Sleep(170 * time.Second) // until 180 s; two more answers, each with a minute to wait
				synctest.Wait()
				if n := len(w.tryTimes()); n != 1+1+2 {
					t.Errorf("got tries at %v, want one of the other and one after each wait", w.tryTimes())
				}
				time.Sleep(6 * time.Second) // at 183 s one comes through, a second later all others at once
				synctest.Wait()
				if got := count(r, outcomeDelivered); got != 1+leads {
					t.Errorf("got %v delivered after the waits, want %d", got, 1+leads)
				}
				if got := count(r, outcomeReleased); got != 0 {
					t.Errorf("got %v claimed in vain, want none", got)
				}
			})
		})
	}
}

// TestAnswersUnderWayDoNotEndAHold: what was out when the assistant asked to wait
// and is answered well meanwhile does not make all come at once afterwards.
func TestAnswersUnderWayDoNotEndAHold(t *testing.T) {
	t.Parallel()
	const leads = 10
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		for i := range leads {
			events(t, s, assistantID(1), fmt.Sprintf("1555010%04d", i), 1, 1)
		}
		var first atomic.Bool
		r, w := bubble(t, s, func(_ string, at time.Duration) reply {
			switch {
			case at == 0 && first.CompareAndSwap(false, true):
				return reply{status: http.StatusOK, takes: 5 * time.Second}
			case at < time.Minute:
				return reply{status: http.StatusTooManyRequests, wait: time.Minute, takes: time.Second}
			}
			return reply{status: http.StatusTooManyRequests, wait: 2 * time.Minute, takes: time.Second}
		})
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := count(r, outcomeDelivered); got != 1 {
			t.Errorf("got %v delivered, want the one that was under way", got)
		}
		if n := len(w.tryTimes()); n != leads+1 {
			t.Errorf("got tries at %v, want all at once and one after the wait", w.tryTimes())
		}
	})
}

// TestRefusedDeliveryIsReleased: what was claimed and then not allowed is not tried, and
// that counts as no try.
func TestRefusedDeliveryIsReleased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		r, w := bubble(t, s, answerWith(func(time.Duration) int { return http.StatusOK }))
		synctest.Wait() // the poller sleeps
		events(t, s, assistantID(1), "15550100001", 1, 1)
		claim := followup.ClaimDeliveries{Real: time.Now(), Limit: 1, MaxEvents: 1, Lease: time.Hour}
		ds, _, err := s.ClaimDeliveries(t.Context(), claim)
		if err != nil || len(ds) != 1 {
			t.Fatalf("got %d deliveries, %v, want one", len(ds), err)
		}
		r.deliver(ds[0], time.Now(), nil, false)
		if ds, _, err = s.ClaimDeliveries(t.Context(), claim); err != nil || len(ds) != 1 || ds[0].Attempts != 0 || len(w.tryTimes()) != 0 {
			t.Errorf("got %+v, %v after tries at %v, want it once more, untried", ds, err, w.tryTimes())
		}
		if got := count(r, outcomeReleased); got != 1 {
			t.Errorf("got %v released, want 1", got)
		}
	})
}

// TestRetryAfterIsBoundedByAnHour: what an assistant asks for beyond that is
// not believed.
func TestRetryAfterIsBoundedByAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		events(t, s, assistantID(1), "15550100001", 1, 1)
		r, _ := bubble(t, s, func(_ string, at time.Duration) reply {
			if at < time.Minute {
				return reply{status: http.StatusServiceUnavailable, wait: 30 * 24 * time.Hour}
			}
			return reply{status: http.StatusOK}
		})
		time.Sleep(time.Minute)
		events(t, s, assistantID(1), "15550100002", 1, 1)
		time.Sleep(58 * time.Minute)
		synctest.Wait()
		if got := count(r, outcomeDelivered); got != 0 {
			t.Errorf("got %v delivered within the hour, want none", got)
		}
		time.Sleep(time.Minute + 5*time.Second)
		synctest.Wait()
		if got := count(r, outcomeDelivered); got != 2 {
			t.Errorf("got %v delivered after an hour, want 2", got)
		}
	})
}

// TestRetryAfterWithOtherStatus: with any other status it says
// nothing about the assistant.
func TestRetryAfterWithOtherStatus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		events(t, s, assistantID(1), "15550100001", 1, 1)
		r, _ := bubble(t, s, func(_ string, at time.Duration) reply {
			if at == 0 {
				return reply{status: http.StatusInternalServerError, wait: time.Minute}
			}
			return reply{status: http.StatusOK}
		})
		time.Sleep(time.Second)
		events(t, s, assistantID(1), "15550100002", 1, 1)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := count(r, outcomeDelivered); got != 1 {
			t.Errorf("got %v delivered, want the one that nobody asked to wait for", got)
		}
	})
}
