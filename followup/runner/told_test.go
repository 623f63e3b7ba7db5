package runner_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
)

// recordHappenings makes the runner's Told fetch what waits for the assistant, and returns the list
// of what it fetched: when, which event and which step.
func (h *harness) recordHappenings() *[]string {
	heard := &[]string{}
	h.params.Told = func() {
		ds, _, err := h.store.ClaimDeliveries(h.Context(), followup.ClaimDeliveries{
			Real: time.Now(), Limit: 100, MaxEvents: 100, Lease: time.Minute,
		})
		if err != nil {
			h.Errorf("ClaimDeliveries: got %v, want none", err)
		}
		for _, d := range ds {
			for _, e := range d.Events {
				var v struct {
					Event string
					Step  int
				}
				h.must(json.Unmarshal(e.Value, &v), "unmarshal a happening")
				*heard = append(*heard, fmt.Sprintf("%v %s %d", time.Since(h.began).Truncate(time.Minute), v.Event, v.Step))
			}
			h.must(h.store.FinishDelivery(h.Context(), followup.FinishDelivery{Delivery: d, Delivered: true, Real: time.Now()}), "FinishDelivery")
		}
	}
	return heard
}

// Told is called as soon as the outcome of a step is recorded.
func TestAssistantToldAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		story func(h *harness, lead followup.LeadID)
		want  []string
	}{
		"sent, and the next scheduled": {
			func(*harness, followup.LeadID) {},
			[]string{"30m0s scheduled 1", "30m0s sent 1", "30m0s scheduled 2"},
		},
		"skipped": {
			func(h *harness, _ followup.LeadID) { h.params.MaxLateness = time.Nanosecond; h.until(40 * minutes) },
			[]string{"40m0s scheduled 1", "40m0s skipped 1", "40m0s scheduled 2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				heard := h.recordHappenings()
				lead := h.lead(true)
				h.arm(lead, sample[0], sample[0])
				c.story(h, lead)
				h.start()
				h.until(45 * minutes)
				h.equal(*heard, c.want, "told")
			})
		})
	}
}

// runOver is a store whose guard finds that the run has ended.
type runOver struct{ *store }

func (runOver) GuardStep(context.Context, followup.GuardStep) (followup.Verdict, error) {
	return followup.Verdict{Refusal: followup.RefusedStale, Ended: []followup.Ended{{Step: 1, Reason: followup.ConfigOff}}}, nil
}

// Told is also called for the runs that a claim or the guard ended.
func TestAssistantToldOfEndsAtOnce(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(h *harness){
		"by a claim": func(h *harness) { h.store.ended = []followup.Ended{{Step: 1, Reason: followup.ConfigOff}} },
		"by the guard": func(h *harness) {
			h.params.Store = runOver{h.store}
			h.arm(h.lead(true), sample[0])
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t)
				told := 0
				h.params.Told = func() { told++ }
				arrange(h)
				h.start()
				h.until(31 * minutes)
				h.stop()
				h.equal(told, 1, "times told")
			})
		})
	}
}
