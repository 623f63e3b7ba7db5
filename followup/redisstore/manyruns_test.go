package redisstore

import (
	"fmt"
	"testing"
	"time"

	"wagate/followup"
)

// TestI1LeadWithManyRuns starts a run for each of many assistants, so that a script that concerns
// the lead may have to tell each of their queues. Starting, cancelling and a reply must all still
// work.
func TestI1LeadWithManyRuns(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		const many = 40
		p := newParty()
		p.mustSay(t, s, "hello", epoch)
		runs := make([]followup.RunID, many)
		for i := range runs {
			run, _, err := s.Start(t.Context(), p.tenant, p.lead, followup.Arm{
				Config: "c", Assistant: followup.AssistantID(fmt.Sprint("a", i)), Channel: p.channel, Ladder: "l", Interval: time.Hour,
			}, false, epoch, epoch)
			if err != nil || run == "" {
				t.Fatalf("Start of run %d: got %q, %v, want a run", i+1, run, err)
			}
			runs[i] = run
		}
		if ended, err := s.Cancel(t.Context(), p.tenant, runs[0], epoch, epoch); err != nil || len(ended) != 1 {
			t.Errorf("Cancel: got %v, %v, want one run ended", ended, err)
		}
		out, err := s.Settle(t.Context(), p.saying(epoch, "reply"))
		if err != nil || len(out.Ended) != many-1 {
			t.Errorf("Settle of a reply: got %d runs ended, %v, want %d", len(out.Ended), err, many-1)
		}
	})
}
