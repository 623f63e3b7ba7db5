package redisstore

import "time"

// patience is how long the store waits for an answer without which it can go on, in real
// time.
type patience struct {
	// peek bounds reading from one node of a cluster for a claim.
	peek time.Duration
	// claim bounds the claim in one partition.
	claim time.Duration
	// take bounds a try to claim the queues: long enough for a Redis that is slow, and a
	// small part of a lease.
	take time.Duration
	// up bounds the question at scrape time whether Redis is there.
	up time.Duration
}

var usualPatience = patience{
	peek: time.Second, claim: 500 * time.Millisecond, take: 2 * time.Second, up: time.Second,
}
