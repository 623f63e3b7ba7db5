package redisstore

import (
	"slices"
	"sync"
	"time"
)

// clock is real time as Redis tells it; the package's doc says why it is as it is.
type clock struct {
	// elapsed is how long the process runs, by a clock that nobody sets.
	elapsed func() time.Duration
	// wall is the machine's clock, which may be set at any time.
	wall func() time.Time

	mu    sync.Mutex
	since time.Duration // elapsed when Redis was asked last
	at    time.Time     // what this clock showed then; zero: nobody was asked yet
	owed  time.Duration // by how much Redis was ahead of that
	zero  zeros
}

// zeros are what Redis and the machine said was the time when elapsed was 0. A clock
// that runs evenly says the same each time.
type zeros struct{ redis, wall time.Time }

// slew is how much slower than time a difference is made up for: a minute in twenty,
// by which all that is measured meanwhile is wrong by a twentieth at most.
const slew = 20

// wallZero is what the machine says was the time when elapsed was 0.
func (c *clock) wallZero() time.Time { return c.wall().Add(-c.elapsed()) }

// now is real time. It never goes back.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() {
		return c.wall()
	}
	return c.read(c.elapsed())
}

func (c *clock) read(elapsed time.Duration) time.Time {
	passed := elapsed - c.since
	most := passed / slew
	return c.at.Add(passed + max(-most, min(c.owed, most)))
}

// agree takes in what time Redis says that it was when elapsed was 0. The first time
// the clock is set to it; later it comes near slowly, unless the machine slept.
func (c *clock) agree(redis time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.elapsed()
	is := zeros{redis, c.wallZero()}
	want := redis.Add(e)
	switch {
	case c.at.IsZero():
		c.at = want
	case is.slept(c.zero):
		c.at = c.read(e).Add(is.redis.Sub(c.zero.redis))
	default:
		c.at = c.read(e)
	}
	c.since, c.owed, c.zero = e, want.Sub(c.at), is
}

// slept reports whether Redis and the machine both say that more time has passed than
// was counted: then the counting had stopped, as it does while a machine sleeps.
func (z zeros) slept(before zeros) bool {
	redis, wall := z.redis.Sub(before.redis), z.wall.Sub(before.wall)
	return redis > maxOffset && (wall-redis).Abs() < maxOffset
}

// jumped reports whether Redis is further away than measuring and slow clocks explain.
func (c *clock) jumped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owed.Abs() > maxOffset
}

// median of what the masters say, so that one of several whose clock is wrong is
// outvoted, and every replica hears the same.
func median(of []time.Time) time.Time {
	slices.SortFunc(of, time.Time.Compare)
	return of[(len(of)-1)/2]
}

// Real is real time on which all replicas agree: that of Redis, as nearly as its
// clock runs evenly.
func (s *Store) Real() time.Time { return s.clock.now().UTC() }
