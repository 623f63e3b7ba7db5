package redisstore

import (
	"slices"
	"sync"
	"time"
)

// clock is real time as Redis tells it. The package's doc explains the design.
type clock struct {
	// elapsed returns how long the process has run, by a clock that nobody sets.
	elapsed func() time.Duration
	// wall returns the time of the machine's clock, which may be set at any time.
	wall func() time.Time

	mu    sync.Mutex
	since time.Duration // elapsed when Redis was last asked
	at    time.Time     // what this clock showed then; zero: Redis was not asked yet
	owed  time.Duration // how far Redis was ahead of at
	zero  zeros
}

// zeros are the times that Redis and the machine give for the instant when elapsed was 0. A clock
// that runs evenly gives the same time whenever it is asked.
type zeros struct{ redis, wall time.Time }

// slew bounds how fast a difference is made up for: by one minute in twenty, so that durations
// measured meanwhile are wrong by a twentieth at most.
const slew = 20

// wallZero returns what the machine's clock gives for the instant when elapsed was 0.
func (c *clock) wallZero() time.Time { return c.wall().Add(-c.elapsed()) }

// now returns real time. It never goes back.
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

// agree takes in what Redis gives for the instant when elapsed was 0. The first call sets the clock
// to it. Later calls let the clock approach it slowly, unless the machine slept.
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

// slept reports whether Redis and the machine agree that more time has passed since before than
// elapsed counted. Then the count had stopped, as it does while a machine sleeps.
func (z zeros) slept(before zeros) bool {
	redis, wall := z.redis.Sub(before.redis), z.wall.Sub(before.wall)
	return redis > maxOffset && (wall-redis).Abs() < maxOffset
}

// jumped reports whether Redis is further away than measuring errors and uneven clocks explain.
func (c *clock) jumped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owed.Abs() > maxOffset
}

// median returns the median of the masters' times. So a single wrong clock among several is
// outvoted, and every replica computes the same time.
func median(of []time.Time) time.Time {
	slices.SortFunc(of, time.Time.Compare)
	return of[(len(of)-1)/2]
}

// Real returns the real time on which all replicas agree: that of Redis, as exactly as this
// process's clock runs evenly. It never goes back.
func (s *Store) Real() time.Time { return s.clock.now().UTC() }
