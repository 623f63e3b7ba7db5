package timers

import (
	"context"
	"testing"
	"time"

	"wagate/scripts/drills/internal/drilltest"
	"wagate/scripts/drills/internal/stage"
)

// tiny is the size of the drill in the tests. Its domain time passes more slowly, so that messages
// under way arrive in time on a busy machine, and it drains for longer than the others.
var tiny = sizes{
	speed: 300, leads: map[string]int{"big": 120, "both": 40, "plain": 40}, storm: 3 * time.Second, rage: 15 * time.Second,
	single:  blows{wagate: 3, redis: 1, flushes: 1},
	cluster: blows{wagate: 3, slots: 1, flushes: 1}, drain: 5 * time.Minute,
}

// TestDrill runs the drill on a small scale: Redis, four wagates and all simulators, some kills,
// and the account.
func TestDrill(t *testing.T) { runDrill(t, false) }

// TestI13Drill runs the same drill on a Redis Cluster, of which a slot moves.
func TestI13Drill(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute more")
	}
	runDrill(t, true)
}

// runDrill runs the drill, and fails the test unless the account holds.
func runDrill(t *testing.T, cluster bool) {
	t.Helper()
	if !drilltest.Run(t, stage.Params{Cluster: cluster}, func(ctx context.Context, s *stage.Stage) error { return perform(ctx, s, tiny) }) {
		t.Error("the account falls short: see its figures above")
	}
}
