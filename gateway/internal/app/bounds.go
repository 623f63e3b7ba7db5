package app

import (
	"cmp"
	"time"

	"wagate/config"
)

// bounds are the durations that depend on each other: a lease outlasts the work that it covers.
type bounds struct {
	// call bounds one request to a provider, from the name look-up to the last byte.
	call time.Duration
	// send bounds the sending of one message: a request, and what has to be looked up before it.
	send time.Duration
	// wait is the longest that a message waits for pacing, and the longest that it waits before
	// a retry.
	wait time.Duration
	// claimLease covers the writing of a text (two texts of up to three requests each) and the
	// wait for pacing.
	claimLease time.Duration
	// sendLease covers a message from the guard to its result, or to the guard of its retry: a
	// step counts as being sent while it waits for a retry.
	sendLease time.Duration
}

// defaultCall is the bound of a provider call if the operator's file does not set one.
const defaultCall = 15 * time.Second

func boundsOf(c config.Config) bounds {
	call := cmp.Or(c.Send.Timeout, defaultCall)
	b := bounds{call: call, send: call + call/3, wait: call}
	b.claimLease = 6*c.AI.Timeout + 4*call
	b.sendLease = b.send + 2*b.wait + call
	return b
}
