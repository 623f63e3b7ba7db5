package app

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup/redisstore"
)

// hangingHook is a Redis hook that makes every command hang until its context ends.
type hangingHook struct{}

func (hangingHook) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, _ redis.Cmder) error {
		<-ctx.Done()
		return ctx.Err()
	}
}

func (hangingHook) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, _ []redis.Cmder) error {
		<-ctx.Done()
		return ctx.Err()
	}
}

func (hangingHook) DialHook(next redis.DialHook) redis.DialHook { return next }

// TestUpkeepTimeoutIsLogged: upkeep that hits its time-out is logged, because nothing else reports
// the failure. Upkeep that a stop cuts off is not logged.
func TestUpkeepTimeoutIsLogged(t *testing.T) {
	t.Parallel()
	client, stop, err := redisstore.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	store, err := redisstore.Open(t.Context(), redisstore.Params{Client: client, Embedded: true})
	if err != nil {
		t.Fatal(err)
	}
	client.AddHook(hangingHook{})
	for name, upkeep := range map[string]func(*App, context.Context){
		"not synchronised": (*App).syncControl, "not recounted": (*App).recountDead,
	} {
		for _, stopped := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				a := &App{store: store, log: slog.New(slog.NewTextHandler(&log, nil))}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if stopped {
					cancel()
				}
				upkeep(a, ctx)
				if told := strings.Contains(log.String(), name); told == stopped {
					t.Errorf("%s, stopped %v: got log %q, want it logged: %v", name, stopped, log.String(), !stopped)
				}
			})
		}
	}
}

// TestUpkeepOutlivesPanic: a panic in the upkeep is logged and ends neither the service nor the
// upkeep.
func TestUpkeepOutlivesPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		a := &App{log: slog.New(slog.NewTextHandler(&log, nil))}
		ctx, cancel := context.WithCancel(t.Context())
		tries := 0
		a.every(ctx, time.Minute, func(context.Context) {
			if tries++; tries == 1 {
				panic("out of order")
			}
			cancel()
		})
		if tries != 2 || !strings.Contains(log.String(), "upkeep panicked") {
			t.Errorf("got %d tries and log %q, want 2 tries and the panic logged", tries, log.String())
		}
	})
}
