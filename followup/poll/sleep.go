package poll

import (
	"context"
	"time"
)

// Sleep waits for d and returns nil. If ctx ends first, it returns the cause at once. If d is not
// positive, it does not wait, and returns the cause if ctx has ended already.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
