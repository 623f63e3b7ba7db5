package poll

import (
	"context"
	"time"
)

// Sleep waits for d, as everything does that has to wait without outliving its
// context. If ctx ends before, it returns why.
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
