package poll

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// turns is a Next that records when it was called and answers from a script.
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
				t.Errorf("got %d turns in the first 20ms of trouble, want 1", got)
			}
		})
	})
}

func TestLoopGoesOnForEver(t *testing.T) {
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
		// A back-off of at most 2 s, jittered down to half of it, for an hour.
		if len(got) < 1800 || len(got) > 3700 {
			t.Errorf("got %d turns in an hour of trouble, want between 1800 and 3700", len(got))
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
			t.Errorf("got %d log lines, want one for the trouble and one for its end:\n%s", n, log.String())
		}
	})
}

func TestLoopStops(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{"asleep": nil, "backing off": errors.New("store away")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				l := New(Params{
					Logger: slog.New(slog.DiscardHandler), Max: time.Hour,
					Next: func(context.Context) (time.Duration, error) { return time.Hour, err },
				})
				done := make(chan struct{})
				go func() { l.Run(ctx); close(done) }()
				synctest.Wait()
				begin := time.Now()
				cancel()
				<-done
				if d := time.Since(begin); d != 0 {
					t.Errorf("got stopped after %v, want at once", d)
				}
			})
		})
	}
}
