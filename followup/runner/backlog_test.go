package runner_test

import (
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
)

// After an outage the steps that are not too late are sent first, the least late before all others.
// Those that are too late are skipped with that reason and delay nothing. Each lead gets one
// message, and a small tenant does not wait for a large tenant's backlog.
func TestI7BacklogSentLeastLateFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.params.Workers, h.params.PerTenant = 2, 1
		h.sender.took = time.Second
		const steps, apart = 60, 10 * minutes
		var runs []followup.RunID
		for range steps { // one is due every ten minutes, the last one now
			runs = append(runs, h.arm(h.lead(true), quick[0], quick[1]))
			h.pass(apart)
		}
		h.pass(30*minutes - apart)
		small := h.armOtherTenant(0)
		h.start()
		h.pass(2 * minutes)

		kept := int(followup.DefaultMaxLateness / apart)
		var sent []followup.LeadID
		for _, c := range h.sender.log() {
			sent = append(sent, c.attempt.Lead())
		}
		var want []followup.LeadID
		for i := range kept {
			want = append(want, runs[steps-1-i].Lead())
		}
		if len(sent) != kept+1 {
			t.Fatalf("sent: got %d, want %d and the small tenant's", len(sent), kept)
		}
		for i, lead := range sent[:2] {
			if lead == small().Lead {
				sent = append(sent[:i:i], sent[i+1:]...)
			}
		}
		h.equal(sent, want, "leads in the order of their messages, without the small tenant's")
		last := h.run(runs[steps-kept]).Timeline[0].At
		for i, run := range runs {
			m := h.run(run).Timeline[0]
			if i >= steps-kept {
				h.equal(m.Outcome, followup.Sent, "outcome of a step that is not too late")
				continue
			}
			h.equal(m.Reason, followup.TooLate, "reason of a step that is too late")
			h.equal(m.At.Before(last), false, "skipped before the last message was sent")
		}
		h.stop()
	})
}
