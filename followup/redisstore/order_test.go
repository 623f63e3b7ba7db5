package redisstore

import (
	"slices"
	"testing"
	"time"

	"wagate/followup"
)

// TestI7LeastLateStepsComeFirst: one partition has more steps due than are asked for. Each claim
// must take the least late ones, and when a tenant's bound holds steps back, the store must say to
// look again later and not at once.
func TestI7LeastLateStepsComeFirst(t *testing.T) {
	t.Parallel()
	c, stop, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	s := openStore(t, Params{Client: c, Embedded: true, Partitions: 1})
	p := newParty()
	var runs []followup.RunID
	for i := range 5 {
		run, _, err := s.Start(t.Context(), p.tenant, p.talking(t, s, followup.Identity{ExternalID: string(rune('a' + i))})[0],
			followup.Arm{
				Config: "c", Assistant: p.assistant, Channel: p.channel, Ladder: "l", Interval: time.Minute,
			}, false, epoch.Add(time.Duration(i)*time.Second), epoch)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, run)
	}
	now := epoch.Add(time.Hour)
	for _, row := range []struct {
		name   string
		inHand int
		want   []followup.RunID
		next   time.Duration
	}{
		{"two of five", 0, []followup.RunID{runs[4], runs[3]}, heldBack},
		{"none, with two in hand", 2, nil, heldBack},
		{"one more", 1, []followup.RunID{runs[2]}, heldBack},
		{"the last two", 0, []followup.RunID{runs[1], runs[0]}, time.Minute},
	} {
		b, err := s.Claim(t.Context(), followup.ClaimParams{
			Now: now, Real: now, Limit: 10, Lease: time.Minute,
			PerTenant: 2, InHand: map[followup.TenantID]int{p.tenant: row.inHand},
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []followup.RunID
		for _, step := range b.Steps {
			got = append(got, step.Run.ID)
		}
		if !slices.Equal(got, row.want) || b.Wait(1) != row.next {
			t.Errorf("%s: got %v, next in %v, want %v, next in %v", row.name, got, b.Next, row.want, row.next)
		}
	}
}
