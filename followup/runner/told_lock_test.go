package runner

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"wagate/followup"
)

// unlocked is a log that nobody else has to wait for.
type unlocked struct {
	slog.Handler
	t     *testing.T
	mu    *sync.Mutex
	lines int
}

func (u *unlocked) Enabled(context.Context, slog.Level) bool { return true }

func (u *unlocked) Handle(_ context.Context, r slog.Record) error {
	u.lines++
	if !u.mu.TryLock() {
		u.t.Errorf("%s: got written under the lock that every step waits for", r.Message)
		return nil
	}
	u.mu.Unlock()
	return nil
}

// A log that takes no line at the moment holds up no steps.
func TestAChannelThatIsNotListedIsToldOfUnderNoLock(t *testing.T) {
	t.Parallel()
	r := &Runner{toldUnlisted: map[followup.ChannelID]time.Time{}}
	u := &unlocked{t: t, mu: &r.mu}
	r.p.Real, r.log = time.Now, slog.New(u)
	r.unlisted(followup.Run{Channel: "gone"})
	if u.lines != 1 {
		t.Errorf("got %d lines, want 1", u.lines)
	}
}
