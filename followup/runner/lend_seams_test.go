package runner_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// While workers are lent, a tenant's texts may all come from the model at once. Even then a tenant
// whose provider hangs holds no more than its share of the workers.
func TestI9TextsAtOnceLeaveWorkersToOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // not play: checkCounter knows one tenant only
		h := newHarness(t)
		h.params.Workers, h.params.PerTenant, h.params.Writing = 4, 1, 16
		h.params.MaxSleep = time.Second
		h.writer.took = 10 * time.Second
		h.sender.took = 30 * time.Second
		for range 5 {
			h.arm(h.lead(true), sample[0])
		}
		h.start()
		h.until(30*minutes + 11*time.Second)
		h.armOtherTenant(0)
		h.until(30*minutes + 44*time.Second)
		var templates int
		for _, c := range h.sender.log() {
			if c.what == "t" {
				templates++
			}
		}
		h.equal(templates, 1, "messages of the other tenant")
		h.until(hours)
		h.equal(accepted(h), 6, "messages sent")
		h.stop()
	})
}
