package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// patience bounds every wait for something that must happen. This includes waiting until a lease
// ends.
const patience = 4 * time.Minute

// until repeats f until it succeeds. If f does not succeed within patience, the test ends with f's
// last error.
func until(t *testing.T, f func() error) {
	t.Helper()
	if err := try(t.Context(), f); err != nil {
		t.Fatalf("after %v: %v", patience, err)
	}
}

// try repeats f until it succeeds, for at most patience, and returns f's last error.
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

// untilTrue waits until a condition holds. what says what is waited for.
func untilTrue(t *testing.T, what string, holds func() bool) {
	t.Helper()
	until(t, func() error {
		if holds() {
			return nil
		}
		return errors.New("condition does not hold: " + what)
	})
}

// receive waits for a value from a channel.
func receive[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("after %v: got no %s", patience, what)
		panic("not reached")
	}
}

// mismatch returns an error that says what was got and what was wanted.
func mismatch(what string, got, want any) error {
	return fmt.Errorf("%s: got %v, want %v", what, got, want)
}
