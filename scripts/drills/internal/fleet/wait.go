package fleet

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"wagate/followup/poll"
)

// SleepUntil sleeps until t or until ctx ends.
func SleepUntil(ctx context.Context, t time.Time) error {
	return poll.Sleep(ctx, time.Until(t))
}

// Until calls done until it returns true. It returns an error after within, or when ctx ends.
func Until(ctx context.Context, within time.Duration, done func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("not within %s", within))
	defer cancel()
	for !done() {
		if err := poll.Sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// The first retry of a request that was not answered comes at once, the others at growing intervals
// up to lastRetry. Real providers go on for days; here they go on until the drill ends.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// RetryDelay returns how long to wait after a failed try that n others preceded.
func RetryDelay(n int) time.Duration {
	if n == 0 {
		return 0
	}
	d := min(firstRetry<<min(n-1, 10), lastRetry)
	return d/2 + rand.N(d/2) //nolint:gosec // no secret
}
