package app

import (
	"time"
)

// clock tells both times, disciplined to Redis' own so that replicas agree.
type clock struct {
	// offset is Redis' clock minus this machine's.
	offset func() time.Duration
	// domain0 is domain time at real0; it runs speed times as fast as real time.
	domain0, real0 time.Time
	speed          float64
}

// Real is real time as Redis tells it.
func (c *clock) Real() time.Time { return time.Now().Add(c.offset()).UTC() }

// Now is domain time.
func (c *clock) Now() time.Time {
	real := c.Real()
	if c.speed == 1 {
		return real
	}
	return c.domain0.Add(time.Duration(float64(real.Sub(c.real0)) * c.speed))
}
