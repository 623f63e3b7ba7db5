package redisstore

import "time"

// patience holds how long the store waits, in real time, for answers that it can do without.
type patience struct {
	// peek bounds reading from one node of a cluster for a claim.
	peek time.Duration
	// claim bounds the claim of steps in one partition.
	claim time.Duration
	// take bounds one try to claim relay queues. It is long enough for a slow Redis, and a small
	// part of a lease.
	take time.Duration
	// up bounds the question whether Redis answers, when metrics are scraped.
	up time.Duration
}

var usualPatience = patience{
	peek: time.Second, claim: 500 * time.Millisecond, take: 2 * time.Second, up: time.Second,
}
