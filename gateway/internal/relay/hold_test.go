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

// TestRetryAfterHoldsTheAssistant: an assistant that asks to wait gets no delivery until the wait
// is over. Then one delivery probes it, and the others follow only once that one was delivered. No
// other assistant waits.
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
					t.Errorf("got %v delivered while assistant 1 asks to wait, want 1, that of assistant 2", got)
				}
				time.Sleep(170 * time.Second) // until 180 s: two more tries, each answered with a minute to wait
				synctest.Wait()
				if n := len(w.tryTimes()); n != 1+1+2 {
					t.Errorf("got tries at %v, want the first, one at assistant 2, and one after each of two waits", w.tryTimes())
				}
				time.Sleep(6 * time.Second) // at 183 s the probe is delivered, and a second later all others
				synctest.Wait()
				if got := count(r, outcomeDelivered); got != 1+leads {
					t.Errorf("got %v delivered after the waits, want %d", got, 1+leads)
				}
				if got := count(r, outcomeReleased); got != 0 {
					t.Errorf("got %v released, want nothing claimed in vain", got)
				}
			})
		})
	}
}

// TestAnswersUnderWayDoNotEndAHold: if a delivery was out when the assistant asked to wait, its
// success does not end the hold. After the hold there is still only one probe.
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
			t.Errorf("got %v delivered, want 1, the one that was under way", got)
		}
		if n := len(w.tryTimes()); n != leads+1 {
			t.Errorf("got tries at %v, want all leads at once and one probe after the wait", w.tryTimes())
		}
	})
}

// TestRefusedDeliveryIsReleased: a delivery that was claimed but may not be tried is given back,
// and no try is counted.
func TestRefusedDeliveryIsReleased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		r, w := bubble(t, s, answerWith(func(time.Duration) int { return http.StatusOK }))
		synctest.Wait() // until the poller sleeps
		events(t, s, assistantID(1), "15550100001", 1, 1)
		claim := followup.ClaimDeliveries{Real: time.Now(), Limit: 1, MaxEvents: 1, Lease: time.Hour}
		ds, _, err := s.ClaimDeliveries(t.Context(), claim)
		if err != nil || len(ds) != 1 {
			t.Fatalf("got %d deliveries, %v, want one", len(ds), err)
		}
		r.deliver(ds[0], time.Now(), nil, false)
		if ds, _, err = s.ClaimDeliveries(t.Context(), claim); err != nil || len(ds) != 1 || ds[0].Attempts != 0 || len(w.tryTimes()) != 0 {
			t.Errorf("got %+v (%v) after tries at %v, want the same delivery once more, untried", ds, err, w.tryTimes())
		}
		if got := count(r, outcomeReleased); got != 1 {
			t.Errorf("got %v released, want 1", got)
		}
	})
}

// TestRetryAfterIsBoundedByAnHour: a Retry-After of more than an hour counts as one of an hour.
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

// TestRetryAfterWithOtherStatus: with a status other than 429 and 503, Retry-After delays only its
// delivery, not the assistant.
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
			t.Errorf("got %v delivered, want 1, the other delivery", got)
		}
	})
}
