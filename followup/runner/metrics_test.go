package runner_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"wagate/followup"
)

// How late a step was sent is a figure about the poller.
func TestLatenessIsMeasured(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.arm(h.lead(true), seed[0])
		h.until(31 * minutes)
		h.start()
		h.pass(minutes)
		families, err := h.registry.Gather()
		h.must(err, "Gather")
		for _, f := range families {
			if f.GetName() == "wagate_followup_lateness_seconds" {
				histogram := f.GetMetric()[0].GetHistogram()
				h.is(histogram.GetSampleCount(), uint64(1), "sends measured")
				h.is(histogram.GetSampleSum(), 60.0, "seconds late")
				return
			}
		}
		t.Error("wagate_followup_lateness_seconds: got none")
	})
}

// A claim that was lost to a reply is counted, so that it can be told from a
// step that was never due.
func TestLostClaimsAreCounted(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		lead := h.lead(true)
		h.writer.took = minutes
		h.writer.writing = once(func() { h.reply(lead) })
		h.arm(lead, seed[0])
		h.start()
		h.until(hours)
		err := testutil.GatherAndCompare(h.registry, strings.NewReader(`
# HELP wagate_followup_claims_lost_total Claimed steps that were void by the time they were to be sent: a reply, a restart, a lost lease.
# TYPE wagate_followup_claims_lost_total counter
wagate_followup_claims_lost_total 1
`), "wagate_followup_claims_lost_total")
		h.must(err, "metric")
	})
}

// Runs that a claim ended, because their config is off, are counted by it.
func TestRunsEndedByAClaimAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.store.ended = []followup.Ended{{Step: 1, Reason: followup.ConfigOff}, {Step: 2, Reason: followup.ConfigGone}}
		h.start()
		h.pass(minutes)
		h.stop()
		h.is(h.counted(), map[string]float64{"none cancelled config_inactive": 1, "none cancelled config_deleted": 1}, "counted")
	})
}

// Every outcome and reason there is exists before the first step does.
func TestEveryReasonIsCountedFromTheStart(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		n := 0
		for _, reasons := range followup.Reasons {
			n += len(reasons)
		}
		h.is(testutil.CollectAndCount(h.registry, "wagate_followup_steps_total"), 3*n, "series")
	})
}
