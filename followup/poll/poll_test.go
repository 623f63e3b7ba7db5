package poll

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// turns is a Next that records when it was called and answers with answer(n) at call n, from 1.
type turns struct {
	mu     sync.Mutex
	start  time.Time
	at     []time.Duration
	answer func(n int) (time.Duration, error)
}

func (s *turns) next(context.Context) (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = append(s.at, time.Since(s.start))
	return s.answer(len(s.at))
}

// taken returns when the turns began, counted from the start of the loop.
func (s *turns) taken() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]time.Duration(nil), s.at...)
}

// start runs a loop in the bubble until the test ends.
func start(t *testing.T, p Params, answer func(int) (time.Duration, error)) (*Loop, *turns) {
	t.Helper()
	s := &turns{start: time.Now(), answer: answer}
	p.Next = s.next
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	l := New(p)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { l.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return l, s
}

// The loop sleeps until the next item is due, but never shorter than Min nor longer than Max.
func TestLoopSleepsUntilDueWithinBounds(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		wait time.Duration
		want time.Duration // between turns
	}{
		{"due later", 300 * time.Millisecond, 300 * time.Millisecond},
		{"more due now", 0, 5 * time.Millisecond},
		{"overdue", -time.Hour, 5 * time.Millisecond},
		{"nothing due for long", time.Hour, time.Second},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, s := start(t, Params{Min: 5 * time.Millisecond, Max: time.Second},
					func(int) (time.Duration, error) { return c.wait, nil })
				time.Sleep(2*c.want + c.want/2)
				synctest.Wait()
				got := s.taken()
				if len(got) != 3 || got[1] != c.want || got[2] != 2*c.want {
					t.Errorf("got turns at %v, want at 0, %v, %v", got, c.want, 2*c.want)
				}
			})
		})
	}
}

// Wake starts a turn early. A wake during a turn is kept, many are one, and none
// breaks Min or a back-off.
func TestLoopWake(t *testing.T) {
	t.Parallel()

	t.Run("cuts the sleep", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l, s := start(t, Params{Min: time.Millisecond, Max: time.Minute},
				func(int) (time.Duration, error) { return time.Minute, nil })
			time.Sleep(10 * time.Second)
			l.Wake()
			synctest.Wait()
			if got := s.taken(); len(got) != 2 || got[1] != 10*time.Second {
				t.Errorf("got turns at %v, want the second at 10s", got)
			}
		})
	})

	t.Run("is kept while a turn runs", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var l *Loop
			ready := make(chan struct{})
			loop, s := start(t, Params{Min: time.Millisecond, Max: time.Minute}, func(n int) (time.Duration, error) {
				<-ready
				if n == 1 {
					l.Wake()
				}
				return time.Minute, nil
			})
			l = loop
			close(ready)
			time.Sleep(time.Second)
			synctest.Wait()
			if got := s.taken(); len(got) != 2 || got[1] != time.Millisecond {
				t.Errorf("got turns at %v, want the second after Min", got)
			}
		})
	})

	t.Run("many are one turn", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l, s := start(t, Params{Min: 5 * time.Millisecond, Max: time.Minute},
				func(int) (time.Duration, error) { return time.Minute, nil })
			time.Sleep(time.Second)
			for range 1000 {
				l.Wake()
			}
			time.Sleep(time.Second)
			synctest.Wait()
			// The first wake is taken at once; the others may leave one more.
			if got := s.taken(); len(got) < 2 || len(got) > 3 {
				t.Errorf("got %d turns, want 2 or 3", len(got))
			}
		})
	})

	t.Run("never closer than Min", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l, s := start(t, Params{Min: 5 * time.Millisecond, Max: time.Minute},
				func(int) (time.Duration, error) { return time.Minute, nil })
			for range 1000 {
				l.Wake()
				time.Sleep(100 * time.Microsecond)
			}
			synctest.Wait()
			if got := len(s.taken()); got < 15 || got > 21 {
				t.Errorf("got %d turns in 100ms of wakes, want about one per 5ms", got)
			}
		})
	})

	t.Run("does not cut a back-off", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l, s := start(t, Params{}, func(int) (time.Duration, error) { return 0, errors.New("store away") })
			for range 20 {
				l.Wake()
				time.Sleep(time.Millisecond)
			}
			synctest.Wait()
			if got := len(s.taken()); got != 1 {
				t.Errorf("got %d turns in the first 20ms of failure, want 1", got)
			}
		})
	})
}

// A Next that fails never ends the loop: it backs off, goes on, recovers, and logs the
// failure and the recovery once each.
func TestLoopKeepsRetrying(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		var mu sync.Mutex
		broken := true
		l, s := start(t, Params{
			MaxBackoff: 2 * time.Second,
			Logger:     slog.New(slog.NewTextHandler(&log, nil)),
		}, func(int) (time.Duration, error) {
			mu.Lock()
			defer mu.Unlock()
			if broken {
				return 0, errors.New("store away")
			}
			return time.Second, nil
		})

		time.Sleep(time.Hour)
		synctest.Wait()
		got := s.taken()
		// The back-off is at most 2 s, jittered down to half of it, for one hour.
		if len(got) < 1800 || len(got) > 3700 {
			t.Errorf("got %d turns in an hour of failures, want between 1800 and 3700", len(got))
		}
		if !l.LastTurn().IsZero() || l.Alive(time.Now(), time.Hour) {
			t.Error("got alive, want not: no turn has succeeded")
		}

		mu.Lock()
		broken = false
		mu.Unlock()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if !l.Alive(time.Now(), 2*time.Second) {
			t.Error("got not alive, want alive after recovery")
		}
		if n := strings.Count(log.String(), "\n"); n != 2 {
			t.Errorf("got %d log lines, want one for the failure and one for the recovery:\n%s", n, log.String())
		}
	})
}

// TestLoopSurvivesPanic checks that a panic in Next counts as a failed turn, and that the log has
// the stack but not the panic's text.
func TestLoopSurvivesPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		l, s := start(t, Params{Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(n int) (time.Duration, error) {
			if n <= 3 {
				panic("text of a lead")
			}
			return time.Second, nil
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(s.taken()); n < 30 {
			t.Errorf("got %d turns in a minute, want them to go on after three panics", n)
		}
		if got := s.taken()[1]; got < firstBackoff/2 {
			t.Errorf("got the second turn after %v, want a back-off", got)
		}
		if !l.Alive(time.Now(), 2*time.Second) {
			t.Error("got not alive, want alive after recovery")
		}
		if said := log.String(); !strings.Contains(said, "poll_test.go") || strings.Contains(said, "text of a lead") {
			t.Errorf("got log %s, want the stack and not the panic's own text", said)
		}
	})
}

// A stop ends the loop at once wherever it is, starts no turn, and is not logged as a failure.
func TestLoopStops(t *testing.T) {
	t.Parallel()
	away := errors.New("store away")
	for name, c := range map[string]struct {
		after time.Duration
		err   error
		turns int // begun
		lines int // in the log
	}{
		"during a turn":      {0, away, 1, 0},
		"right after a turn": {time.Second, nil, 1, 0},
		"asleep":             {time.Minute, nil, 1, 0},
		"backing off":        {time.Second + time.Millisecond, away, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				turns := 0
				ctx, cancel := context.WithCancel(t.Context())
				l := New(Params{
					Logger: slog.New(slog.NewTextHandler(&log, nil)), Max: time.Hour,
					Next: func(ctx context.Context) (time.Duration, error) {
						turns++
						_ = Sleep(ctx, time.Second)
						return time.Hour, c.err
					},
				})
				done := make(chan struct{})
				go func() { l.Run(ctx); close(done) }()
				time.Sleep(c.after)
				synctest.Wait()
				begin := time.Now()
				cancel()
				<-done
				if d := time.Since(begin); d != 0 {
					t.Errorf("got stopped after %v, want at once", d)
				}
				if turns != c.turns {
					t.Errorf("got %d turns, want %d", turns, c.turns)
				}
				if n := strings.Count(log.String(), "\n"); n != c.lines {
					t.Errorf("got %d log lines, want %d:\n%s", n, c.lines, log.String())
				}
			})
		})
	}
}

// Params left zero have the documented defaults.
func TestParamsDefaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wait time.Duration
		want time.Duration // between turns
	}{
		"Min": {0, 2 * time.Millisecond},
		"Max": {time.Hour, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, s := start(t, Params{}, func(int) (time.Duration, error) { return c.wait, nil })
				time.Sleep(c.want)
				synctest.Wait()
				if got := s.taken(); len(got) != 2 || got[1] != c.want {
					t.Errorf("got turns at %v, want at 0 and %v", got, c.want)
				}
			})
		})
	}
}

// The back-off starts small, grows to MaxBackoff, differs from loop to loop, and starts small again
// after a turn that succeeded.
func TestBackoffGrowsWithinBounds(t *testing.T) {
	t.Parallel()
	const broken = 50 // failing turns in a row
	gaps := func(t *testing.T) []time.Duration {
		var out []time.Duration
		synctest.Test(t, func(t *testing.T) {
			_, s := start(t, Params{}, func(n int) (time.Duration, error) {
				if n%broken == 0 {
					return 0, nil
				}
				return 0, errors.New("store away")
			})
			time.Sleep(time.Hour)
			synctest.Wait()
			for i, at := range s.taken()[1 : 2*broken] {
				out = append(out, at-s.taken()[i])
			}
		})
		return out
	}
	one, other := gaps(t), gaps(t)
	if one[0] == other[0] && one[1] == other[1] {
		t.Errorf("got the same first pauses %v twice, want jitter", one[:2])
	}
	for _, first := range []time.Duration{one[0], one[broken]} {
		if least, most := 25*time.Millisecond, 75*time.Millisecond; first < least || first > most {
			t.Errorf("got first pause %v, want between %v and %v", first, least, most)
		}
	}
	if longest := slices.Max(one); longest != 5*time.Second {
		t.Errorf("got longest pause %v, want 5s", longest)
	}
}

// The loop is alive for d after a successful turn, by the clock it was given.
func TestAliveMeasuredFromLastTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		at := time.Date(2026, 5, 4, 3, 2, 1, 12345, time.UTC)
		l, _ := start(t, Params{Max: time.Hour, Now: func() time.Time { return at }},
			func(int) (time.Duration, error) { return time.Hour, nil })
		synctest.Wait()
		if got := l.LastTurn(); !got.Equal(at) {
			t.Errorf("got last turn %v, want %v", got, at)
		}
		for after, want := range map[time.Duration]bool{
			0: true, time.Second: true, time.Second + time.Nanosecond: false,
		} {
			if got := l.Alive(at.Add(after), time.Second); got != want {
				t.Errorf("alive %v after the last turn: got %v, want %v", after, got, want)
			}
		}
	})
}
