package redisstore

import (
	"bytes"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestWatchOutlivesPanic: a panic during one check must end neither the process nor the watch.
func TestWatchOutlivesPanic(t *testing.T) {
	t.Parallel()
	// An embedded Redis is asked nothing, so the client never dials.
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { _ = client.Close() })
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var looks atomic.Int64
		s, err := build(Params{
			Client: client, Embedded: true, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			Wall: func() time.Time {
				if looks.Add(1) == 1 {
					panic("out of order")
				}
				return epoch
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.metrics = newMetrics(nil, s)
		go s.Watch(t.Context())
		time.Sleep(2*watchEvery + time.Second)
		synctest.Wait()
		if !strings.Contains(log.String(), "panicked") || s.told.Load() == nil {
			t.Errorf("got log %q and report %v, want the panic logged and then a report", log.String(), s.told.Load())
		}
	})
}
