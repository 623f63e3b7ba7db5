package relay

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// failInARow takes and gives a slot n times, one after the other, with a try that fails. Nothing is
// out in between, as with an assistant that has one conversation.
func failInARow(t *testing.T, s *slots, n int) {
	t.Helper()
	for i := range n {
		if c, _ := s.room(); c.OfAssistant.Of(assistantID(1)) == 0 {
			t.Fatalf("got no room after %d failures, want some", i)
		}
		result, allowed := s.take(assistantID(1))
		if !allowed {
			t.Fatalf("refused after %d failures, want allowed", i)
		}
		result(unhealthy{"status 500"})
		s.give(assistantID(1))
	}
}

// TestBreaker: ten failures in a row open the breaker, whatever lies between them but an answer.
// Then one delivery at a time tries whether the assistant is back, which the log tells.
func TestBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const per = 4
		var log bytes.Buffer
		s := newSlots(20, per, nil, time.Now, slog.New(slog.NewTextHandler(&log, nil)))
		wantRoom := func(when string, want int) {
			t.Helper()
			if c, again := s.room(); c.OfAssistant.Of(assistantID(1)) != want || (want == 0) != (again > 0) {
				t.Errorf("%s: got room for %d and a wait of %v, want room for %d", when, c.OfAssistant.Of(assistantID(1)), again, want)
			}
		}
		failInARow(t, s, breakerFailures-1)
		wantRoom("after nine failures", per)
		failInARow(t, s, 1)
		wantRoom("after ten failures", 0)
		if _, allowed := s.take(assistantID(1)); allowed {
			t.Error("allowed after ten failures, want refused: it may have been claimed before the last of them")
		}
		s.give(assistantID(1))

		time.Sleep(breakerPause + time.Millisecond)
		wantRoom("after the pause", 1)
		result, allowed := s.take(assistantID(1))
		if !allowed {
			t.Fatal("refused after the pause, want allowed")
		}
		if c, _ := s.room(); c.OfAssistant.Of(assistantID(1)) != 0 {
			t.Errorf("got room for %d during the trial, want none", c.OfAssistant.Of(assistantID(1)))
		}
		result(nil)
		s.give(assistantID(1))
		wantRoom("after a good answer", per)
		if got := strings.Count(log.String(), "assistant is back"); got != 1 {
			t.Errorf("got %d lines that it is back in log %s, want 1", got, &log)
		}
	})
}

// TestBreakerOfAnotherClock: the breaker goes by the computer's clock. If our own clock is ahead of
// it, nothing is claimed for the assistant before the breaker lets it through.
func TestBreakerOfAnotherClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ahead := time.Duration(0)
		s := newSlots(20, 4, nil, func() time.Time { return time.Now().Add(ahead) }, slog.New(slog.DiscardHandler))
		failInARow(t, s, breakerFailures)
		ahead = time.Hour
		if c, again := s.room(); c.OfAssistant.Of(assistantID(1)) != 0 || again <= 0 {
			t.Errorf("got room for %d and a wait of %v while the breaker is open, want no room and a wait", c.OfAssistant.Of(assistantID(1)), again)
		}
	})
}
