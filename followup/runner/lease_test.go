package runner_test

import (
	"sync/atomic"
	"testing"
	"time"

	"wagate/followup"
)

// A text that takes longer to write than a claim lasts is written once: the claim is renewed while
// its worker lives, even if one renewal fails.
func TestI6ClaimKeptWhileWorkerLives(t *testing.T) {
	t.Parallel()
	for name, stumbles := range map[string]int{"no renewal fails": 0, "one renewal fails": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				claims := timeLog{h: h}
				h.store.claimed = claims.record
				h.store.extends.set(stumbles)
				h.writer.took = 10 * minutes
				run := h.armAndStart(sample[0])
				h.until(hours)
				h.equal(claims.all(), []time.Duration{30 * minutes}, "when it was claimed")
				h.equal(h.writer.asked(), 1, "texts written")
				h.wantSent("40m0s ai")
				h.wantTimeline(run, "1 ai sent/ai", "ended completed")
				h.wantLostClaims(0)
			})
		})
	}
}

// A claim is renewed early enough for one more try. If it cannot be renewed,
// it ends with its lease.
func TestClaimLastsForItsLease(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		kept, claimed := timeLog{h: h}, timeLog{h: h}
		h.params.ClaimLease = 90 * time.Second
		h.writer.took = 10 * minutes
		h.store.claimed = claimed.record
		h.store.extending = func() {
			if kept.record(); len(kept.all()) > 2 {
				h.store.extends.set(-1)
			}
		}
		h.armAndStart(sample[0])
		h.until(32*minutes + 35*time.Second)
		h.equal(kept.all()[:2], []time.Duration{30*minutes + 30*time.Second, 31 * minutes}, "when it was renewed")
		h.equal(claimed.all(), []time.Duration{30 * minutes, 32*minutes + 30*time.Second}, "when it was claimed")
		h.stopNow()
	})
}

// Once a reply has made the step void, its text is not waited for, and the
// worker serves another lead.
func TestI5ReplyStopsWriting(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		h.params.Workers = 1
		h.writer.took = 20 * minutes
		lead := h.lead(true)
		replied := h.arm(lead, sample[0])
		h.pass(90 * time.Second)
		next := h.arm(h.lead(true), followup.Step{Interval: "PT30M", TemplateName: "own", TemplateLanguage: "pt_BR"})
		h.start()
		h.until(30*minutes + 30*time.Second)
		h.reply(lead)
		h.until(32 * minutes)
		h.equal(h.writer.asked(), 0, "texts written")
		h.wantSent("31m30s own")
		h.wantTimeline(replied, "1 none cancelled/replied", "ended replied")
		h.wantTimeline(next, "1 template sent/template", "ended completed")
		h.wantLostClaims(1)
	})
}

// After Stop has returned, nothing uses the store.
func TestStoreUnusedAfterStop(t *testing.T) {
	t.Parallel()
	play(t, func(h *harness) {
		var under atomic.Int32
		h.store.extending = func() {
			under.Add(1)
			time.Sleep(time.Second)
			under.Add(-1)
		}
		h.writer.took = 10 * minutes
		h.armAndStart(sample[0])
		h.until(31*minutes + 500*time.Millisecond)
		h.equal(under.Load(), int32(1), "calls under way before the stop")
		h.stopNow()
		h.equal(under.Load(), int32(0), "calls under way after it")
	})
}
