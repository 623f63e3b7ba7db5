package inbound

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"testing"
	"time"

	"wagate/scripts/drills/internal/drilltest"
	"wagate/scripts/drills/internal/stage"
)

// tiny is what the tests do; it has no windows. It waits longer than the others, for
// machines that are busy.
var tiny = sizes{
	webhooks: 900, leads: map[manner]int{calm: 10, flooding: 30, slow: 10, failing: 10, picky: 10, raw: 10},
	relay: time.Second,
	storm: 3 * time.Second, weights: full.weights,
	single:  blows{wagate: 3, redis: 1, flushes: 1},
	cluster: blows{wagate: 1, redis: 1, flushes: 1, slots: 1},
	drain:   5 * time.Minute,
}

// TestLull: it begins when nothing is seen under way, and not when something was seen last.
func TestLull(t *testing.T) {
	t.Parallel()
	began, l := time.Now(), lull{}
	for i, c := range []struct {
		busy bool
		at   time.Duration
		want time.Duration
	}{
		{true, 0, 0},
		{false, 10 * time.Second, 0},
		{false, 12 * time.Second, 2 * time.Second},
		{true, 13 * time.Second, 0},
		{false, 20 * time.Second, 0},
		{false, 21 * time.Second, time.Second},
	} {
		if got := l.lasted(c.busy, began.Add(c.at)); got != c.want {
			t.Errorf("look %d: got %v, want %v", i, got, c.want)
		}
	}
}

// TestDrill is the drill on a small scale: Redis, two wagates and all simulators,
// three kills, the account.
func TestDrill(t *testing.T) { drilled(t, false) }

// TestI13Drill is the same on a Redis Cluster, of which a master dies with what its
// replica has not heard of, and a slot moves.
func TestI13Drill(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute more")
	}
	drilled(t, true)
}

func drilled(t *testing.T, cluster bool) {
	t.Helper()
	if !drilltest.Run(t, stage.Params{Cluster: cluster}, tried(tiny)) {
		t.Error("the account falls short: see its figures above")
	}
}

// tried is a drill in which so much is done.
func tried(n sizes) func(context.Context, *stage.Stage) error {
	return func(ctx context.Context, s *stage.Stage) error { return perform(ctx, s, n) }
}

// TestI1DrillTellsALoss: a wagate that acknowledges what no replica has loses it with
// its master, and the account says so.
func TestI1DrillTellsALoss(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute more")
	}
	size := tiny
	size.durability = "everysec"
	// What is acknowledged waits for a while: what was delivered at once is not lost.
	size.cluster, size.weights = blows{redis: 1}, map[manner]int{failing: 1}
	// A busy machine may take in nothing while the replica is deaf, so there is more than one try.
	for seed := range uint64(10) {
		var out bytes.Buffer
		ok := drilltest.Run(t, stage.Params{Seed: seed + 1, Cluster: true, Out: io.MultiWriter(t.Output(), &out)}, tried(size))
		if !ok && regexp.MustCompile(`(?m)^figure lost \d.* short$`).Match(out.Bytes()) {
			return
		}
	}
	t.Error("nothing was lost, by the account")
}
