package inbound

import (
	"bytes"
	"io"
	"regexp"
	"testing"
	"time"

	"wagate/scripts/drills/internal/drilltest"
)

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
	ok, err := Run(t.Context(), Params{Wagate: drilltest.Wagate(t), Size: Tiny, Cluster: cluster, Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Error("the account falls short: see its figures above")
	}
}

// TestI1DrillTellsALoss: a wagate that acknowledges what no replica has loses it with
// its master, and the account says so.
func TestI1DrillTellsALoss(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute more")
	}
	size := Tiny
	// What is acknowledged waits for a while: what was delivered at once is not lost.
	size.cluster, size.weights = blows{redis: 1}, map[manner]int{failing: 1}
	// A busy machine may take in nothing while the replica is deaf, so there is more than one try.
	for seed := range uint64(10) {
		var out bytes.Buffer
		ok, err := Run(t.Context(), Params{
			Wagate: drilltest.Wagate(t), Size: size, Seed: seed + 1, Cluster: true, durability: "everysec", Out: io.MultiWriter(t.Output(), &out),
		})
		if err != nil {
			t.Fatal(err)
		}
		if !ok && regexp.MustCompile(`(?m)^figure lost \d.* short$`).Match(out.Bytes()) {
			return
		}
	}
	t.Error("nothing was lost, by the account")
}
