package relay

import (
	"bytes"
	"context"
	"fmt"
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

// TestRetriesDoubleWithJitter: the first retry comes after at most a second, each wait doubles, and
// jitter takes off up to half of it.
func TestRetriesDoubleWithJitter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		events(t, s, assistantID(1), "15550100001", 1, 1)
		_, w := bubble(t, s, answerWith(func(time.Duration) int { return 0 }))
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		tries, want, spread := w.tryTimes(), time.Second, false
		for i := 1; i < min(len(tries), 8); i++ {
			wait := tries[i] - tries[i-1]
			// The poller finds the delivery at its next turn, so the retry may come a little later.
			if wait < want/2 || wait > want+20*time.Millisecond {
				t.Errorf("retry %d: got a wait of %v, want between %v and %v", i, wait, want/2, want)
			}
			spread = spread || wait < want*9/10
			want *= 2
		}
		if !spread {
			t.Errorf("got tries at %v, want some earlier than without jitter", tries)
		}
		if n := len(tries); n < 7 || n > 9 {
			t.Errorf("got %d tries in 2 minutes, want 7 to 9", n)
		}
	})
}

// TestTryTimesOut: a try that hangs is given up after the time-out, long before its lease ends, and
// is retried as a failed one.
func TestTryTimesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		events(t, s, assistantID(1), "15550100001", 1, 1)
		r, w := bubble(t, s, func(_ string, at time.Duration) reply {
			if at == 0 {
				return reply{takes: hangs}
			}
			return reply{status: http.StatusOK}
		})
		time.Sleep(r.p.Timeout + 2*firstRetry)
		synctest.Wait()
		if got := count(r, outcomeDelivered); got != 1 || len(w.tryTimes()) != 2 {
			t.Errorf("got %v delivered in tries at %v, want 1 delivered in the second try, after %v", got, w.tryTimes(), r.p.Timeout)
		}
	})
}

// TestGivesUpAfterADay: a delivery that never succeeds becomes a dead letter 24 h after its first
// try.
func TestGivesUpAfterADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		events(t, s, assistantID(1), "15550100001", 1, 1)
		r, w := bubble(t, s, answerWith(func(time.Duration) int { return http.StatusServiceUnavailable }))
		time.Sleep(24*time.Hour - time.Minute)
		synctest.Wait()
		if _, n, _ := s.DeadLetters(t.Context(), tenant, 10, 0); n != 0 {
			t.Errorf("got %d dead letters before the day is over, want none", n)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		dead, n, err := s.DeadLetters(t.Context(), tenant, 10, 0)
		if err != nil || n != 1 {
			t.Fatalf("got %d dead letters (%v), want 1", n, err)
		}
		if want := "gave up after 24h: status 503"; dead[0].Reason != want {
			t.Errorf("got reason %q, want %q", dead[0].Reason, want)
		}
		if n := len(w.tryTimes()); n < 280 || n > 620 {
			t.Errorf("got %d tries in a day, want one every 2.5 to 5 minutes", n)
		}
		if got := count(r, outcomeDead); got != 1 {
			t.Errorf("got %v dead letters counted, want 1", got)
		}
	})
}

// TestDeadAssistantCostsLittle: with hundreds of conversations waiting for a dead assistant, the
// breaker limits the tries to one every few seconds. All events are delivered soon after the
// assistant is back.
func TestDeadAssistantCostsLittle(t *testing.T) {
	t.Parallel()
	const leads, outage = 300, 10 * time.Minute
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		for i := range leads {
			events(t, s, assistantID(1), fmt.Sprintf("1555010%04d", i), 1, 1)
		}
		r, w := bubble(t, s, answerWith(func(at time.Duration) int {
			if at < outage {
				return 0
			}
			return http.StatusOK
		}), func(p *Params) { p.Poll = time.Hour })
		time.Sleep(outage - time.Second)
		synctest.Wait()
		if n := len(w.tryTimes()); n < 60 || n > 300 {
			t.Errorf("got %d tries at a dead assistant in 10 minutes, want about one per 5s", n)
		}
		time.Sleep(6*time.Minute + time.Second)
		synctest.Wait()
		if got := count(r, outcomeDelivered); got != leads {
			t.Errorf("got %v delivered within 6 minutes of the assistant's return, want %d", got, leads)
		}
	})
}

// TestLogSaysWhyAssistantFails: when an assistant's breaker opens, the log says once why. Nothing
// else tells of it before its events are given up, a day later.
func TestLogSaysWhyAssistantFails(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{http.StatusBadGateway: "status 502", 0: "no connection: refused"} {
		synctest.Test(t, func(t *testing.T) {
			s := memstore.New()
			for i := range 2 * breakerFailures {
				events(t, s, assistantID(1), fmt.Sprintf("1555010%04d", i), 1, 1)
			}
			var log bytes.Buffer
			r, _ := bubble(t, s, answerWith(func(time.Duration) int { return status }), func(p *Params) {
				p.Logger = slog.New(slog.NewTextHandler(&log, nil))
			})
			time.Sleep(time.Minute)
			if err := r.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			said := fmt.Sprintf("level=WARN msg=%q component=relay assistant=%s reason=%q",
				"assistant keeps failing, trying it now and then", assistantID(1), want)
			if got := strings.Count(log.String(), said); got != 1 {
				t.Errorf("got %d lines %q in log %s, want 1", got, said, &log)
			}
		})
	}
}

// TestUnsendableEventIsNoAnswer: an event that cannot be sent because it is not valid JSON becomes
// a dead letter. It says nothing about the assistant, so the breaker stays open.
func TestUnsendableEventIsNoAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		for i := range 2 * breakerFailures {
			events(t, s, assistantID(1), fmt.Sprintf("1555010%04d", i), 1, 1)
		}
		var log bytes.Buffer
		r, _ := bubble(t, &garblingStore{Store: s, value: "4"}, answerWith(func(time.Duration) int { return 0 }), func(p *Params) {
			p.Logger = slog.New(slog.NewTextHandler(&log, nil))
		})
		time.Sleep(time.Minute)
		events(t, s, assistantID(1), "15550200000", 4, 1)
		r.Wake()
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := count(r, outcomeDead); got != 1 {
			t.Errorf("got %v dead letters, want 1, the damaged event", got)
		}
		if err := r.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(log.String(), "assistant is back") {
			t.Errorf("got log %s, want no line that the assistant is back", &log)
		}
	})
}

// countingStore counts the claims.
type countingStore struct {
	Store
	claims atomic.Int32
}

func (s *countingStore) ClaimDeliveries(ctx context.Context, p followup.ClaimDeliveries) ([]followup.Delivery, time.Duration, error) {
	s.claims.Add(1)
	return s.Store.ClaimDeliveries(ctx, p)
}

// TestOpenBreakerSparesTheStore: an assistant whose breaker is open does not keep the poller busy.
func TestOpenBreakerSparesTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		for i := range 100 {
			events(t, s, assistantID(1), fmt.Sprintf("1555010%04d", i), 1, 1)
		}
		store := &countingStore{Store: s}
		_, _ = bubble(t, store, answerWith(func(time.Duration) int { return 0 }))
		time.Sleep(time.Minute)
		store.claims.Store(0)
		time.Sleep(time.Minute)
		synctest.Wait()
		// The poller claims once a second, and a few times more around each try.
		if n := store.claims.Load(); n < 60 || n > 120 {
			t.Errorf("got %d claims in a minute, want about one a second", n)
		}
	})
}

// TestFullRelaySparesTheStore: as long as no delivery may be out, nothing is asked for.
func TestFullRelaySparesTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		for i := range 2 {
			events(t, s, assistantID(1), fmt.Sprintf("1555010%04d", i), 1, 1)
		}
		store := &countingStore{Store: s}
		_, w := bubble(t, store, func(string, time.Duration) reply { return reply{takes: hangs} }, func(p *Params) {
			p.Concurrency, p.Timeout = 1, 2*hangs
		})
		time.Sleep(hangs / 2)
		synctest.Wait()
		if n := store.claims.Load(); n != 1 || len(w.tryTimes()) != 1 {
			t.Errorf("got %d claims and tries at %v while the only slot is taken, want one of each", n, w.tryTimes())
		}
	})
}

// TestBreakerLimitsGone: an endpoint may answer 410 by mistake. The breaker counts 410 as a
// failure, so most of what waits for the endpoint does not become a dead letter and is delivered
// later.
func TestBreakerLimitsGone(t *testing.T) {
	t.Parallel()
	const leads = 100
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		for i := range leads {
			events(t, s, assistantID(1), fmt.Sprintf("1555010%04d", i), 1, 1)
		}
		r, _ := bubble(t, s, answerWith(func(at time.Duration) int {
			if at < time.Minute {
				return http.StatusGone
			}
			return http.StatusOK
		}))
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		dead := count(r, outcomeDead)
		if dead < breakerFailures || dead > 40 {
			t.Errorf("got %v dead letters, want only a part of %d", dead, leads)
		}
		if got := count(r, outcomeDelivered); got != leads-dead {
			t.Errorf("got %v delivered, want %v", got, leads-dead)
		}
	})
}
