package fleet

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"wagate/followup/poll"
)

// SleepUntil waits for an instant, unless ctx ends first.
func SleepUntil(ctx context.Context, t time.Time) error {
	return poll.Sleep(ctx, time.Until(t))
}

// Until repeats a question until the answer is yes, or too late.
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

// Retries of a request that was not answered: at once, then ever later. Real
// providers go on for days; here until the drill ends.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// RetryDelay is the wait after a try that came after n others.
func RetryDelay(n int) time.Duration {
	if n == 0 {
		return 0
	}
	d := min(firstRetry<<min(n-1, 10), lastRetry)
	return d/2 + rand.N(d/2) //nolint:gosec // no secret
}
