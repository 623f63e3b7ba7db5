package timers

import (
	"testing"

	"wagate/scripts/drills/internal/drilltest"
)

// TestDrill is the drill on a small scale: Redis, four wagates and all simulators,
// some kills, the account.
func TestDrill(t *testing.T) { drilled(t, false) }

// TestI13Drill is the same on a Redis Cluster, of which a slot moves.
func TestI13Drill(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute more")
	}
	drilled(t, true)
}

func drilled(t *testing.T, cluster bool) {
	t.Helper()
	ok, err := Run(t.Context(), Params{Wagate: drilltest.Wagate(t), Size: Tiny, Cluster: cluster, Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Error("the account falls short: see its figures above")
	}
}
