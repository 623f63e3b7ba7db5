package app

import "time"

// clock tells both times.
type clock struct {
	// real is the store's, on which all replicas agree.
	real func() time.Time
	// domain0 is domain time at real0; it runs speed times as fast as real time.
	domain0, real0 time.Time
	speed          float64
}

// Real is real time as Redis tells it.
func (c *clock) Real() time.Time { return c.real() }

// Now is domain time.
func (c *clock) Now() time.Time {
	real := c.Real()
	if c.speed == 1 {
		return real
	}
	// A duration ends after 292 years, which are two hours and a half at the highest speed.
	passed := float64(real.Sub(c.real0).Microseconds()) * c.speed
	return time.UnixMicro(c.domain0.UnixMicro() + int64(passed)).UTC()
}
