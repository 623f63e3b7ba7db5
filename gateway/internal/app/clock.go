package app

import "time"

// clock tells real time and domain time.
type clock struct {
	// real is the store's clock, on which all replicas agree.
	real func() time.Time
	// domain0 is domain time at the instant real0. From there domain time runs speed times as
	// fast as real time. Not used if speed is 1.
	domain0, real0 time.Time
	speed          float64
}

// Real returns real time by Redis' clock.
func (c *clock) Real() time.Time { return c.real() }

// Now returns domain time.
func (c *clock) Now() time.Time {
	real := c.Real()
	if c.speed == 1 {
		return real
	}
	// Not a time.Duration: it overflows after 292 years, which pass in two and a half hours at the
	// highest speed.
	passed := float64(real.Sub(c.real0).Microseconds()) * c.speed
	return time.UnixMicro(c.domain0.UnixMicro() + int64(passed)).UTC()
}
