package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// patience bounds every wait for something that must happen. Leases that have
// to run out are part of it.
const patience = 4 * time.Minute

// until repeats f until it succeeds; the test ends with its last error if it
// does not within patience.
func until(t *testing.T, f func() error) {
	t.Helper()
	if err := try(t.Context(), f); err != nil {
		t.Fatalf("still after %v: %v", patience, err)
	}
}

func try(ctx context.Context, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// untilTrue waits for a condition.
func untilTrue(t *testing.T, what string, holds func() bool) {
	t.Helper()
	until(t, func() error {
		if holds() {
			return nil
		}
		return errors.New("not " + what)
	})
}

// receive waits for a channel.
func receive[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("still after %v: no %s", patience, what)
		panic("not reached")
	}
}

func mismatch(what string, got, want any) error {
	return fmt.Errorf("%s: got %v, want %v", what, got, want)
}
