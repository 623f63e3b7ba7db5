package app

import (
	"cmp"
	"time"

	"wagate/config"
)

// bounds are the times that depend on each other: a lease outlasts what it
// covers.
type bounds struct {
	// call bounds a request to a provider, from the name look-up to the last byte.
	call time.Duration
	// send bounds what sends one message: a request, and what it has to look up first.
	send time.Duration
	// wait is the longest a message waits for pacing, and the longest before a retry.
	wait time.Duration
	// claimLease covers the writing of a text (two texts of up to three requests
	// each) and the wait for pacing.
	claimLease time.Duration
	// sendLease covers a message from the guard to its result, or to the guard
	// before its retry: while that waits, the step is still being sent.
	sendLease time.Duration
}

// defaultCall is the bound of a provider call that the file does not set.
const defaultCall = 15 * time.Second

func boundsOf(c config.Config) bounds {
	call := cmp.Or(c.Send.Timeout, defaultCall)
	b := bounds{call: call, send: call + call/3, wait: call}
	b.claimLease = 6*c.AI.Timeout + 4*call
	b.sendLease = b.send + 2*b.wait + call
	return b
}
