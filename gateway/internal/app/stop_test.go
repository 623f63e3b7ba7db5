package app

import (
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"wagate/config"
)

// TestStopBeforeStart: what was built and never started ends, too.
func TestStopBeforeStart(t *testing.T) {
	t.Parallel()
	cfg, err := config.Parse([]byte(oneAssistant), func(string) (string, bool) { return "http://127.0.0.1:9", true })
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Errorf("stop: got %v, want nil", err)
	}
	if err := a.redis.client.Ping(t.Context()).Err(); err == nil {
		t.Error("got a connection to Redis that is still open")
	}
}

// TestStopRightAfterStart: a server that had not begun when it was told to stop does
// not begin afterwards.
func TestStopRightAfterStart(t *testing.T) {
	t.Parallel()
	for range 15 {
		cfg, err := config.Parse([]byte(oneAssistant), func(string) (string, bool) { return "http://127.0.0.1:9", true })
		if err != nil {
			t.Fatal(err)
		}
		cfg.Listen, cfg.Admin = "127.0.0.1:0", "127.0.0.1:0"
		a, err := New(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := a.Stop(t.Context()); err != nil {
			t.Errorf("stop: got %v, want nil", err)
		}
		for range 2 {
			select {
			case err := <-a.serving:
				if err != nil && !errors.Is(err, net.ErrClosed) {
					t.Errorf("serve: got %v, want none, or that its listener is closed", err)
				}
			case <-time.After(patience):
				t.Fatal("got a server that serves on")
			}
		}
	}
}
