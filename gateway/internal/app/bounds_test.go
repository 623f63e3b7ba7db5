package app

import (
	"testing"
	"time"

	"wagate/config"
)

// TestI6LeasesOutlastTheirWork: a lease that ran out under work still being
// done would make another replica take a message for lost that is not.
func TestI6LeasesOutlastTheirWork(t *testing.T) {
	t.Parallel()
	for _, call := range []time.Duration{0, time.Second, 4 * time.Second, 15 * time.Second} {
		for _, ai := range []time.Duration{100 * time.Millisecond, 20 * time.Second, time.Minute} {
			b := boundsOf(config.Config{AI: config.AI{Timeout: ai}, Send: config.Send{Timeout: call}})
			if b.call == 0 || b.send <= b.call {
				t.Errorf("call %v: got %v to send within and %v to call within", call, b.send, b.call)
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

// TestStopOutlastsSend: a stop that is shorter than a provider call would make
// every one that is under way uncertain.
func TestStopOutlastsSend(t *testing.T) {
	t.Parallel()
	if b := boundsOf(config.Config{}); b.send > stopRequests || b.send > stopWork {
		t.Errorf("got %v for a send, want no more than %v and %v of a stop", b.send, stopRequests, stopWork)
	}
}
