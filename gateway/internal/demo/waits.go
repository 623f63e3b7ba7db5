package demo

import (
	"context"
	"errors"
	"strings"
	"time"

	"wagate/followup/poll"
)

// eventually reads the metrics again and again until problems finds none in them, because some
// things are counted a moment after they happened. After patience it returns the problems as an
// error.
func (s *story) eventually(ctx context.Context, problems func(metrics) []string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		m, err := s.tenant.metrics(ctx)
		if err != nil {
			return err
		}
		found := problems(m)
		if len(found) == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New(strings.Join(found, "; "))
		}
	}
}

// until waits until the world's clock shows at.
func (s *story) until(ctx context.Context, at time.Time) error {
	for {
		left := at.Sub(s.clock.now())
		if left <= 0 {
			return nil
		}
		if err := poll.Sleep(ctx, s.real(left)+time.Millisecond); err != nil {
			return err
		}
	}
}
