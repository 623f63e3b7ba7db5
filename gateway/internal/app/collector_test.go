package app

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"

	"wagate/config"
)

// listenLog is a log output that closes told when the service says that it listens.
type listenLog struct {
	once sync.Once
	told chan struct{}
}

func (l *listenLog) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("msg=listening")) {
		l.once.Do(func() { close(l.told) })
	}
	return len(line), nil
}

// TestGarbageCollectorIsSpared: while the service runs, the collector counts the spared bytes as in
// use, unless the operator has set GOGC or GOMEMLIMIT.
func TestGarbageCollectorIsSpared(t *testing.T) {
	for _, tt := range []struct {
		name, gogc, limit string
		want              bool
	}{{"neither set", "", "", true}, {"GOGC set", "50", "", false}, {"GOMEMLIMIT set", "", "64MiB", false}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("GOGC", tt.gogc)
			t.Setenv("GOMEMLIMIT", tt.limit)
			cfg, err := config.Parse([]byte(oneAssistant), func(string) (string, bool) { return "http://127.0.0.1:9", true })
			if err != nil {
				t.Fatal(err)
			}
			cfg.Listen, cfg.Admin = "127.0.0.1:0", "127.0.0.1:0"
			ctx, stop := context.WithCancel(t.Context())
			log, ended := &listenLog{told: make(chan struct{})}, make(chan error)
			go func() { ended <- Serve(ctx, cfg, slog.New(slog.NewTextHandler(log, nil))) }()
			select {
			case <-log.told:
			case err := <-ended:
				t.Fatalf("Serve: got %v before it listened", err)
			}
			runtime.GC()
			live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
			metrics.Read(live)
			if got := live[0].Value.Uint64(); (got >= spared) != tt.want {
				t.Errorf("bytes in use: got %d, want at least the spared ones: %v", got, tt.want)
			}
			stop()
			if err := <-ended; err != nil {
				t.Errorf("Serve: got error %v, want none", err)
			}
		})
	}
}
