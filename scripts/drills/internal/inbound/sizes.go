package inbound

import "time"

// sizes are how much the drill does.
type sizes struct {
	webhooks int // genuine webhooks, each counted once
	leads    map[manner]int
	relay    time.Duration // how long wagate waits for an assistant's answer

	rounds int           // pairs of a quiet and a loud window
	window time.Duration // length of one window
	quiet  map[manner]int
	loud   map[manner]int // texts per second of each tenant, by manner

	storm   time.Duration
	weights map[manner]int // weight of each manner in the storm
	single  blows
	cluster blows
	// takeOver is how long a Cluster's master may not answer before its replica takes over; 0: only
	// a killed master is replaced.
	takeOver time.Duration
	drain    time.Duration // how long everything may take to arrive at the end
	// durability, if set, replaces the level that survives what breaks.
	durability string
}

// The sizes.
var (
	full = sizes{
		webhooks: 100_000, leads: map[manner]int{calm: 200, flooding: 1500, slow: 300, failing: 300, picky: 200, raw: 200},
		relay:  2 * time.Second,
		rounds: 5, window: 5 * time.Second,
		quiet: map[manner]int{calm: 50}, loud: map[manner]int{calm: 50, flooding: 500, slow: 30, failing: 30, picky: 10, raw: 10},
		storm: 220 * time.Second, weights: map[manner]int{calm: 3, flooding: 10, slow: 3, failing: 3, picky: 2, raw: 2},
		single:   blows{wagate: 20, redis: 5, frozenWagate: 3, frozenRedis: 3, flushes: 8},
		cluster:  blows{wagate: 20, redis: 6, frozenWagate: 3, frozenRedis: 3, flushes: 8, slots: 12},
		takeOver: 2 * time.Second, drain: 2 * time.Minute,
	}
	short = sizes{
		webhooks: 5000, leads: map[manner]int{calm: 40, flooding: 200, slow: 40, failing: 40, picky: 40, raw: 40},
		relay:  time.Second,
		rounds: 3, window: time.Second,
		quiet: full.quiet, loud: map[manner]int{calm: 50, flooding: 500, slow: 30},
		storm: 10 * time.Second, weights: full.weights,
		single:   blows{wagate: 4, redis: 1, frozenRedis: 1, flushes: 2},
		cluster:  blows{wagate: 4, redis: 1, flushes: 2, slots: 2},
		takeOver: 2 * time.Second, drain: 25 * time.Second,
	}
)

// blows returns the numbers of faults on one Redis or on a Cluster.
func (s sizes) blows(onCluster bool) blows {
	if onCluster {
		return s.cluster
	}
	return s.single
}
