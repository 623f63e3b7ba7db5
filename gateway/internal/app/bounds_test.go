package app

import (
	"testing"
	"time"

	"wagate/config"
)

// TestI6LeasesOutlastTheirWork: a lease is longer than the work that it covers. If it ran out while
// the work went on, another replica would take over a message that is not lost.
func TestI6LeasesOutlastTheirWork(t *testing.T) {
	t.Parallel()
	for _, call := range []time.Duration{0, time.Second, 4 * time.Second, 15 * time.Second} {
		for _, ai := range []time.Duration{100 * time.Millisecond, 20 * time.Second, time.Minute} {
			b := boundsOf(config.Config{AI: config.AI{Timeout: ai}, Send: config.Send{Timeout: call}})
			if b.call == 0 || b.send <= b.call {
				t.Errorf("call %v: got bounds of %v for a send and %v for a call, want a call above 0 and a longer send", call, b.send, b.call)
			}
			if least := b.send + 2*b.wait; b.sendLease <= least {
				t.Errorf("call %v: got a send lease of %v, want more than %v", call, b.sendLease, least)
			}
			if least := 6*ai + b.wait; b.claimLease <= least {
				t.Errorf("call %v, ai %v: got a claim lease of %v, want more than %v", call, ai, b.claimLease, least)
			}
		}
	}
}

// TestStopOutlastsSend: the time allowed for a stop is at least that of a send. A shorter stop
// would leave every send under way uncertain.
func TestStopOutlastsSend(t *testing.T) {
	t.Parallel()
	if b := boundsOf(config.Config{}); b.send > stopRequests || b.send > stopWork {
		t.Errorf("got a bound of %v for a send, want at most the %v and %v of a stop", b.send, stopRequests, stopWork)
	}
}
