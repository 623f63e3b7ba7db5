package inbound

import (
	"context"
	"fmt"
	"slices"
	"time"

	"wagate/scripts/internal/figure"
)

// window is a stretch of time in which nothing breaks.
type window struct {
	part

	loud  bool // all tenants write, not the calm ones only
	round int
}

func (w window) String() string {
	if w.loud {
		return "loud"
	}
	return "quiet"
}

// passage is how long the calm tenants' texts took in one window, from the instant when each was
// due to be posted until the assistant had it.
type passage struct {
	texts         int
	p50, p99, max time.Duration
	kept          time.Duration // p99 of the time until they were acknowledged
	busy          float64       // share of the machine's processor time that was in use, by any process
}

// String formats the result of a window.
func (p passage) String() string {
	return fmt.Sprintf("%d texts of the calm tenants, p50 %.1f p99 %.1f max %.1f ms, acknowledged p99 %.1f ms, processors busy %.0f%%", p.texts,
		figure.Milliseconds(p.p50), figure.Milliseconds(p.p99), figure.Milliseconds(p.max), figure.Milliseconds(p.kept), 100*p.busy)
}

// window plays one window and measures it once everything has been delivered.
func (d *drill) window(ctx context.Context, w window) (passage, error) {
	began, spent := time.Now(), machineTicks()
	if err := d.provider.play(ctx, w.part, began); err != nil {
		return passage{}, err
	}
	busy := machineTicks().busy(spent)
	if err := d.settled(ctx); err != nil {
		return passage{}, err
	}
	due := map[int]time.Time{}
	for _, h := range w.hooks {
		if h.tenant.manner == calm {
			for _, n := range h.events {
				due[n] = began.Add(h.due)
			}
		}
	}
	p := measure(due, d.ledger.firstAcked(due), d.ledger.firstShown())
	p.busy = busy
	return p, nil
}

// measure computes how long events took from when they were due.
func measure(due, acked, shown map[int]time.Time) passage {
	kept, took := since(due, acked), since(due, shown)
	return passage{
		texts: len(took), p50: figure.Quantile(took, 0.5), p99: figure.Quantile(took, 0.99), max: figure.Quantile(took, 1),
		kept: figure.Quantile(kept, 0.99),
	}
}

// since returns the time from one instant to another for each event, sorted.
func since(from, to map[int]time.Time) []time.Duration {
	var took []time.Duration
	for n, at := range from {
		took = append(took, to[n].Sub(at))
	}
	slices.Sort(took)
	return took
}

// firstAcked returns when each of the given events was first acknowledged.
func (l *ledger) firstAcked(of map[int]time.Time) map[int]time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	acked := make(map[int]time.Time, len(of))
	for n := range of {
		acked[n] = l.ackedAt[n]
	}
	return acked
}

// firstShown returns when each event was first shown to an assistant.
func (l *ledger) firstShown() map[int]time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	shown := map[int]time.Time{}
	for _, a := range l.arrivals {
		for _, n := range a.events {
			if _, ok := shown[n]; !ok {
				shown[n] = a.at
			}
		}
	}
	return shown
}

// windows plays the windows and compares the median of the loud ones with that of the quiet ones.
func (d *drill) windows(ctx context.Context, list []window) error {
	runs := map[bool][]passage{}
	for _, w := range list {
		p, err := d.window(ctx, w)
		if err != nil {
			return err
		}
		d.Printf("run window %d/%d %s: %s\n", w.round+1, d.sizes.rounds, w, p)
		runs[w.loud] = append(runs[w.loud], p)
	}
	if len(list) == 0 {
		return nil
	}
	p99 := func(p passage) float64 { return figure.Milliseconds(p.p99) }
	busy := func(p passage) float64 { return 100 * p.busy }
	d.Figure("quiet_processors_busy_percent", figure.MedianOf(runs[false], busy))
	d.Figure("loud_processors_busy_percent", figure.MedianOf(runs[true], busy))
	quiet, loud := figure.MedianOf(runs[false], p99), figure.MedianOf(runs[true], p99)
	d.Figure("calm_quiet_p99_ms", quiet)
	d.Figure("calm_loud_p99_ms", loud)
	d.Judge("calm_loud_to_quiet_p99", loud/quiet, figure.AtMost(2))
	return nil
}
