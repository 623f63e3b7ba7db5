package runner_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// Params left zero have the documented defaults.
func TestParamsDefaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		workers          int
		limit, perTenant int
	}{
		"all defaults": {0, 256, 32},
		"few workers":  {4, 4, 1},
		"more workers": {80, 80, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(h *harness) {
				a := h.spyOnStore()
				h.params.Workers, h.params.MaxSleep, h.params.Speed = c.workers, 0, 0
				h.sender.answers(&providers.Error{Kind: providers.Throttled, Retryable: true, RetryAfter: 10 * minutes})
				h.sender.tries = 1
				h.armAndStart(sample[0])
				h.pass(1500 * time.Millisecond)
				h.equal(len(a.claims), 2, "claims in a second and a half")
				first := a.claims[0]
				h.equal([]int{first.Limit, first.PerTenant}, []int{c.limit, c.perTenant}, "limit, and limit per tenant")
				h.equal(first.Lease, 3*minutes, "lease of a claim")
				h.until(hours)
				h.equal(a.asked[0].Lease, minutes, "lease of a send")
				h.wantSent("40m0s ai")
			})
		})
	}
}

// clockStore is a store that keeps the times it is called with.
type clockStore struct {
	*store
	mu           *sync.Mutex
	domain, real map[string]time.Duration // ahead of the bubble's clock
}

// saw notes how far ahead of the bubble's clock the times of a call are. A zero time is not noted.
func (c clockStore) saw(call string, now, real time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !now.IsZero() {
		c.domain[call] = time.Until(now)
	}
	if !real.IsZero() {
		c.real[call] = time.Until(real)
	}
}

func (c clockStore) Claim(ctx context.Context, p followup.ClaimParams) (followup.Batch, error) {
	c.saw("claim", p.Now, p.Real)
	return c.store.Claim(ctx, p)
}

func (c clockStore) History(ctx context.Context, l followup.LeadID, ch followup.ChannelID, now time.Time) ([]followup.Entry, error) {
	c.saw("history", now, time.Time{})
	return c.store.History(ctx, l, ch, now)
}

func (c clockStore) ExtendStep(ctx context.Context, id followup.RunID, token string, real time.Time, lease time.Duration) error {
	c.saw("extend", time.Time{}, real)
	return c.store.ExtendStep(ctx, id, token, real, lease)
}

func (c clockStore) GuardStep(ctx context.Context, g followup.GuardStep) (followup.Verdict, error) {
	c.saw("guard", g.Now, g.Real)
	return c.store.GuardStep(ctx, g)
}

func (c clockStore) RecordSend(ctx context.Context, r followup.RecordSend) error {
	c.saw("record", r.Now, r.Real)
	return c.store.RecordSend(ctx, r)
}

func (c clockStore) FinishStep(ctx context.Context, f followup.FinishStep) (followup.Finished, error) {
	c.saw("finish", f.Now, f.Real)
	return c.store.FinishStep(ctx, f)
}

// Every call uses domain time and real time each for what it is meant for, and
// never the machine's clock.
func TestI12ClocksNotMixedUp(t *testing.T) {
	t.Parallel()
	const domain, real = 5 * time.Minute, 7 * time.Minute
	play(t, func(h *harness) {
		c := clockStore{h.store, &h.mu, map[string]time.Duration{}, map[string]time.Duration{}}
		h.params.Store = c
		h.params.Now = func() time.Time { return time.Now().Add(domain) }
		h.params.Real = func() time.Time { return time.Now().Add(real) }
		h.writer.took = 2 * minutes
		h.sender.answers(windowClosed)
		run := h.armAndStart(sample[0], comeBack)
		h.until(28 * minutes)
		h.wantTimeline(run, "1 template sent/template", "ended completed")
		h.equal(c.domain, map[string]time.Duration{
			"claim": domain, "history": domain, "guard": domain, "record": domain, "finish": domain,
		}, "domain time")
		h.equal(c.real, map[string]time.Duration{
			"claim": real, "extend": real, "guard": real, "record": real, "finish": real,
		}, "real time")
		h.equal(h.writer.briefs[0].Now.Sub(h.began), 30*minutes, "now as the model was told")
		h.equal(h.runner.Alive(11*time.Second), true, "alive")
	})
}
