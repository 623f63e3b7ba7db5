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

// tiny is the size of the drill in the tests. It has no windows, and drains for longer than the
// others because machines may be busy.
var tiny = sizes{
	webhooks: 900, leads: map[manner]int{calm: 10, flooding: 30, slow: 10, failing: 10, picky: 10, raw: 10},
	relay: time.Second,
	storm: 3 * time.Second, weights: full.weights,
	single:  blows{wagate: 3, redis: 1, flushes: 1},
	cluster: blows{wagate: 1, redis: 1, flushes: 1, slots: 1},
	drain:   5 * time.Minute,
}

// TestLull: a lull must begin when nothing is first seen under way, and not when something was last
// seen under way.
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

// TestDrill runs the drill on a small scale: Redis, two wagates and all simulators, three kills,
// and the account.
func TestDrill(t *testing.T) { runDrill(t, false) }

// TestI13Drill runs the same drill on a Redis Cluster, of which a master dies with writes that its
// replica has not received, and a slot moves.
func TestI13Drill(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute more")
	}
	runDrill(t, true)
}

// runDrill runs the tiny drill, and fails the test unless the account holds.
func runDrill(t *testing.T, cluster bool) {
	t.Helper()
	if !drilltest.Run(t, stage.Params{Cluster: cluster}, drillOf(tiny)) {
		t.Error("the account falls short: see its figures above")
	}
}

// drillOf returns a drill of that size.
func drillOf(n sizes) func(context.Context, *stage.Stage) error {
	return func(ctx context.Context, s *stage.Stage) error { return perform(ctx, s, n) }
}

// TestI1DrillReportsLoss: a wagate that acknowledges what no replica has must lose it with its
// master, and the account must report the loss.
func TestI1DrillReportsLoss(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute more")
	}
	size := tiny
	size.durability = "everysec"
	// Failing assistants make acknowledged events wait, because what was delivered at once is not lost.
	size.cluster, size.weights = blows{redis: 1}, map[manner]int{failing: 1}
	// A busy machine may take in nothing while the replica is deaf, so there are several tries.
	for seed := range uint64(10) {
		var out bytes.Buffer
		ok := drilltest.Run(t, stage.Params{Seed: seed + 1, Cluster: true, Out: io.MultiWriter(t.Output(), &out)}, drillOf(size))
		if !ok && regexp.MustCompile(`(?m)^figure lost \d.* short$`).Match(out.Bytes()) {
			return
		}
	}
	t.Error("account: got no loss, want one")
}
