package poll

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Sleep waits for d or until the context ends, whichever is first, and then
// returns the context's cause.
func TestSleep(t *testing.T) {
	t.Parallel()
	stop := errors.New("enough")
	for name, test := range map[string]struct {
		d, cut time.Duration // cut: when the context ends; zero means never
		slept  time.Duration
		want   error
	}{
		"sleeps for d":       {d: time.Hour, slept: time.Hour},
		"context ends first": {d: time.Hour, cut: time.Minute, slept: time.Minute, want: stop},
		"zero":               {},
		"negative":           {d: -time.Hour},
		"d ends first":       {d: time.Minute, cut: time.Hour, slept: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if test.cut > 0 {
					time.AfterFunc(test.cut, func() { cancel(stop) })
				}
				began := time.Now()
				err := Sleep(ctx, test.d)
				if slept := time.Since(began); slept != test.slept || !errors.Is(err, test.want) {
					t.Errorf("got %v after %v, want %v after %v", err, slept, test.want, test.slept)
				}
			})
		})
	}
}

// A zero sleep still returns the error of a context that has ended, every time.
func TestSleepZeroWithEndedContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		if err := Sleep(ctx, 0); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v, want %v", err, context.Canceled)
		}
	}
}
