package app

import (
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"wagate/config"
)

// TestStopBeforeStart: Stop of an App that was built and never started closes what it opened.
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
		t.Errorf("Stop: got %v, want nil", err)
	}
	if err := a.redis.client.Ping(t.Context()).Err(); err == nil {
		t.Error("connection to Redis: got it still open, want it closed")
	}
}

// TestStopRightAfterStart: a server that has not begun to serve when Stop is called does not begin
// afterwards.
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
			t.Errorf("Stop: got %v, want nil", err)
		}
		for range 2 {
			select {
			case err := <-a.serving:
				if err != nil && !errors.Is(err, net.ErrClosed) {
					t.Errorf("serving: got error %v, want none or net.ErrClosed", err)
				}
			case <-time.After(patience):
				t.Fatal("server: got it still serving, want it stopped")
			}
		}
	}
}
