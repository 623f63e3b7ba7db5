package redisstore

import (
	"errors"
	"testing"
	"time"

	"wagate/followup"
)

// TestEndedRunsAreKeptForRunAge: an ended run can be read until RunAge has passed since. From then
// on the next run that ends takes it away.
func TestEndedRunsAreKeptForRunAge(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		ctx, p := t.Context(), newParty()
		lead := mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch)
		end := func(at time.Time) followup.RunID {
			t.Helper()
			run := p.start(t, s, lead, "c")
			if _, err := s.Cancel(ctx, p.tenant, run, at, at); err != nil {
				t.Fatal(err)
			}
			return run
		}
		first := end(epoch)
		end(epoch.Add(followup.RunAge - time.Millisecond))
		if _, err := s.Run(ctx, p.tenant, first); err != nil {
			t.Errorf("Run before its age: got %v, want none", err)
		}
		end(epoch.Add(followup.RunAge))
		if _, err := s.Run(ctx, p.tenant, first); !errors.Is(err, followup.ErrNotFound) {
			t.Errorf("Run at its age: got %v, want ErrNotFound", err)
		}
	})
}
