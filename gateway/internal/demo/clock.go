package demo

import (
	"fmt"
	"sync/atomic"
	"time"
)

// worldClock is the clock of everything in the world. It tells the gateway's domain time. The
// simulators start before the gateway, so before follow is called it tells real time.
type worldClock struct {
	domain atomic.Pointer[func() time.Time]
}

func (c *worldClock) follow(now func() time.Time) { c.domain.Store(&now) }

func (c *worldClock) now() time.Time {
	if now := c.domain.Load(); now != nil {
		return (*now)()
	}
	return time.Now()
}

// calendar formats instants as the story shows them. The story begins on day 1 at nine in the
// morning.
type calendar struct{ begin time.Time }

const (
	opensAt = 9 * time.Hour
	aDay    = 24 * time.Hour
)

// stamp formats an instant as "day 1 09:30".
func (c calendar) stamp(t time.Time) string {
	since := max(0, t.Sub(c.begin)+opensAt)
	return fmt.Sprintf("day %d %02d:%02d", since/aDay+1, since%aDay/time.Hour, since%time.Hour/time.Minute)
}

// spoken formats a duration as people say it, to the minute.
func spoken(d time.Duration) string {
	d = d.Round(time.Minute)
	if d == aDay {
		return "1 day"
	}
	h, m := d/time.Hour, d%time.Hour/time.Minute
	switch {
	case h == 0:
		return fmt.Sprintf("%d min", m)
	case m == 0:
		return fmt.Sprintf("%d h", h)
	}
	return fmt.Sprintf("%d h %d min", h, m)
}
