package runner_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"wagate/followup"
)

// The lateness of a sent step is measured in domain time from when it was due.
func TestLatenessIsMeasured(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.arm(h.lead(true), sample[0])
		h.until(31 * minutes)
		h.start()
		h.pass(minutes)
		err := testutil.GatherAndCompare(h.registry, strings.NewReader(`
# HELP wagate_followup_lateness_seconds How long after it was due a follow-up step was sent, in domain time.
# TYPE wagate_followup_lateness_seconds histogram
wagate_followup_lateness_seconds_bucket{le="0.005"} 0
wagate_followup_lateness_seconds_bucket{le="0.01"} 0
wagate_followup_lateness_seconds_bucket{le="0.025"} 0
wagate_followup_lateness_seconds_bucket{le="0.05"} 0
wagate_followup_lateness_seconds_bucket{le="0.1"} 0
wagate_followup_lateness_seconds_bucket{le="0.25"} 0
wagate_followup_lateness_seconds_bucket{le="0.5"} 0
wagate_followup_lateness_seconds_bucket{le="1"} 0
wagate_followup_lateness_seconds_bucket{le="2.5"} 0
wagate_followup_lateness_seconds_bucket{le="5"} 0
wagate_followup_lateness_seconds_bucket{le="10"} 0
wagate_followup_lateness_seconds_bucket{le="30"} 0
wagate_followup_lateness_seconds_bucket{le="60"} 1
wagate_followup_lateness_seconds_bucket{le="300"} 1
wagate_followup_lateness_seconds_bucket{le="1800"} 1
wagate_followup_lateness_seconds_bucket{le="3600"} 1
wagate_followup_lateness_seconds_bucket{le="21600"} 1
wagate_followup_lateness_seconds_bucket{le="+Inf"} 1
wagate_followup_lateness_seconds_sum 60
wagate_followup_lateness_seconds_count 1
`), "wagate_followup_lateness_seconds")
		h.must(err, "lateness")
	})
}

// A step that a clock set back makes early counts as 0 s late, because a
// histogram's sum must not fall.
func TestLatenessIsNeverNegative(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		a := h.spyOnStore()
		a.show = func(c *followup.Claimed) { c.Run.DueAt = c.Run.DueAt.Add(minutes) }
		h.armAndStart(sample[0])
		h.until(hours)
		h.wantSent("30m0s ai")
		families, err := h.registry.Gather()
		h.must(err, "Gather")
		for _, f := range families {
			if f.GetName() == "wagate_followup_lateness_seconds" {
				h.equal(f.GetMetric()[0].GetHistogram().GetSampleSum(), 0.0, "seconds late")
			}
		}
	})
}

// A claim that a reply made void is counted as lost.
func TestLostClaimsAreCounted(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		lead := h.lead(true)
		h.writer.took = minutes
		h.writer.writing = once(func() { h.reply(lead) })
		h.arm(lead, sample[0])
		h.start()
		h.until(hours)
		h.wantLostClaims(1)
	})
}

// wantLostClaims checks how many claims were counted as lost.
func (h *harness) wantLostClaims(n int) {
	h.Helper()
	err := testutil.GatherAndCompare(h.registry, strings.NewReader(fmt.Sprintf(`
# HELP wagate_followup_claims_lost_total Claimed steps that were void by the time they were to be sent: a reply, a restart, a lost lease.
# TYPE wagate_followup_claims_lost_total counter
wagate_followup_claims_lost_total %d
`, n)), "wagate_followup_claims_lost_total")
	h.must(err, "claims lost")
}

// A step whose result was recorded, although the answer was lost, does not count as lost because
// its lease cannot be renewed any more.
func TestFinishingStepIsNotLost(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.ClaimLease = 3 * time.Second
		kept := timeLog{h: h}
		h.store.extending = kept.record
		h.store.finishAnswer.set(1)
		h.store.runs.set(4) // nor can the run be read
		run := h.armAndStart(sample[0])
		h.until(hours)
		h.wantTimeline(run, "1 ai sent/ai", "ended completed")
		h.equal(len(kept.all()) > 0, true, "a renewal was tried")
		h.wantLostClaims(0)
	})
}

// A record made by another is not counted as ours: neither a reply's of the same instant, nor the
// same crash's of another instant.
func TestI7OtherRecordNotCountedAsOurs(t *testing.T) {
	t.Parallel()
	t.Run("a reply at the same instant", func(t *testing.T) {
		t.Parallel()
		play(t, func(h *harness) {
			a := h.spyOnStore()
			a.show = func(c *followup.Claimed) { c.Paused = true }
			h.store.runs.set(1) // so that the run cannot be read either
			lead := h.lead(true)
			h.store.finishing = once(func() { h.reply(lead) })
			run := h.arm(lead, sample[0])
			h.start()
			h.until(hours)
			h.wantTimeline(run, "1 none cancelled/replied", "ended replied")
			h.wantLostClaims(1)
		})
	})
	t.Run("the same crash a moment before", func(t *testing.T) {
		t.Parallel()
		play(t, func(h *harness) {
			run := h.arm(h.lead(true), sample[0])
			h.until(30 * minutes)
			_, attempt := h.claimAndDieSending()
			h.store.finishing = once(func() {
				_, err := h.store.Store.FinishStep(h.Context(), followup.FinishStep{
					Run: run, Attempt: attempt, Kind: followup.KindNone, Outcome: followup.Uncertain,
					Reason: followup.Crash, Next: -1, Now: time.Now().Add(-time.Millisecond), Real: time.Now(),
				})
				if err != nil {
					h.Errorf("FinishStep: got error %v, want none", err)
				}
				h.steps.Step(followup.KindNone, followup.Uncertain, followup.Crash)
			})
			h.start()
			h.until(hours)
			h.wantTimeline(run, "1 none uncertain/crash", "ended completed")
			h.wantLostClaims(1)
		})
	})
}

// If a lead is erased while its step is being sent, nothing can be recorded. The step counts as
// lost once, and nothing is logged.
func TestErasedLeadsStepIsLost(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		log := h.recordLog()
		lead := h.lead(true)
		h.leads = nil                    // no timeline is left to compare
		h.sender.took = 90 * time.Second // so that a renewal finds the lease lost, too
		h.sender.fenced = once(func() {
			if err := h.store.EraseLead(h.Context(), h.tenant, lead, time.Now()); err != nil {
				h.Errorf("EraseLead: got error %v, want none", err)
			}
		})
		h.arm(lead, sample[0])
		h.start()
		h.until(hours)
		h.wantSent("31m30s ai")
		h.wantLostClaims(1)
		h.equal(log.messages, []string(nil), "warnings and errors logged")
	})
}

// Runs that a claim ended, because their config is inactive or deleted, are counted.
func TestRunsEndedByClaimAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.store.ended = []followup.Ended{{Step: 1, Reason: followup.ConfigOff}, {Step: 2, Reason: followup.ConfigGone}}
		h.start()
		h.pass(minutes)
		h.stop()
		h.equal(h.counted(), map[string]float64{"none cancelled config_inactive": 1, "none cancelled config_deleted": 1}, "counted")
	})
}

// Every pair of outcome and reason has its series before the first step.
func TestEverySeriesExistsFromStart(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		n := 0
		for _, reasons := range followup.Reasons {
			n += len(reasons)
		}
		h.equal(testutil.CollectAndCount(h.registry, "wagate_followup_steps_total"), 3*n, "series")
	})
}
