package redisstore

import (
	"fmt"
	"testing"
	"time"

	"wagate/followup"
)

// TestI9MergeBringsWholeQueueInOrder: every event that waits for the loser must be delivered from the
// winner, once, behind the winner's own and in the order in which the loser's were settled.
func TestI9MergeBringsWholeQueueInOrder(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		for events := range 4 {
			p := newParty()
			older := mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch.Add(-time.Minute))
			loser := mustResolve(t, s, p, followup.Identity{UserID: "US.1"}, epoch)
			settleEvent(t, s, p, older, "winner's")
			want := "winner's "
			for i := range events {
				settleEvent(t, s, p, loser, fmt.Sprint(i))
				want += fmt.Sprint(i) + " "
			}
			lead := mustResolve(t, s, p, followup.Identity{Phone: "15550100001", UserID: "US.1"}, epoch)
			got := ""
			for _, d := range deliverAll(t, s) {
				if d.Lead != lead {
					t.Errorf("delivery of %d events: got it from %s, want the winner", len(d.Events), d.Lead)
				}
				got += textsIn(d)
			}
			if got != want {
				t.Errorf("delivered: got %q, want %q", got, want)
			}
		}
	})
}
