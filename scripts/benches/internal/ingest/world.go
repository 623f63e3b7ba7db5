package ingest

import (
	"context"
	"fmt"
	"time"

	"wagate/scripts/benches/internal/bench"
	"wagate/scripts/internal/proc"
)

// world is a wagate with its Redis and its assistant.
type world struct {
	redis     *proc.Redis
	wagate    *proc.Wagate
	assistant *proc.Child // nil: the port refuses connections
	events    int         // number taken in so far
}

// newWorld starts a Redis and a wagate whose assistant is at the given address.
func newWorld(ctx context.Context, b *bench.Bench, assistant string) (*world, error) {
	redis, err := b.StartRedis(ctx)
	if err != nil {
		return nil, err
	}
	w := &world{redis: redis}
	return w, w.start(ctx, b, assistant)
}

// start starts another wagate on the world's Redis.
func (w *world) start(ctx context.Context, b *bench.Bench, assistant string) error {
	var err error
	w.wagate, err = b.StartWagate(ctx, w.redis, assistant, bench.Tenant{ID: tenantID, Assistant: assistantID, Channel: channelID})
	return err
}

// cost is what a run cost.
type cost struct {
	redis     proc.Counters
	cpu       time.Duration // of wagate
	allocs    float64
	delivered int // events that the assistant got meanwhile
}

// Metrics of wagate.
const (
	eventsTaken     = "wagate_events_total"
	eventsDuplicate = "wagate_events_duplicate_total"
	eventsDropped   = "wagate_events_dropped_total"
	mallocs         = "go_memstats_mallocs_total"
	cpuSeconds      = "process_cpu_seconds_total"
)

// measure calls run, which posts webhooks and returns how many events they held, and returns the
// cost. It fails unless wagate counted exactly as many events, none twice and none left out.
func (w *world) measure(ctx context.Context, run func() (events int, err error)) (cost, error) {
	before, err := w.wagate.Metrics(ctx)
	if err != nil {
		return cost{}, err
	}
	had, err := w.delivered()
	if err != nil {
		return cost{}, err
	}
	began, err := w.redis.Counters(ctx) // last, because reading the metrics asks Redis too
	if err != nil {
		return cost{}, err
	}
	events, err := run()
	if err != nil {
		return cost{}, err
	}
	ended, err := w.redis.Counters(ctx)
	if err != nil {
		return cost{}, err
	}
	has, err := w.delivered()
	if err != nil {
		return cost{}, err
	}
	after, err := w.wagate.Metrics(ctx)
	if err != nil {
		return cost{}, err
	}
	w.events += events
	if err := agree(before, after, events); err != nil {
		return cost{}, err
	}
	return cost{
		redis: ended.Sub(began), allocs: grown(before, after, mallocs), delivered: has - had,
		cpu: time.Duration(grown(before, after, cpuSeconds) * float64(time.Second)),
	}, nil
}

// agree compares what was acknowledged with what wagate counted.
func agree(before, after proc.Metrics, events int) error {
	taken, twice := grown(before, after, eventsTaken), grown(before, after, eventsDuplicate)
	out := grown(before, after, eventsDropped)
	if taken != float64(events) || twice != 0 || out != 0 {
		return fmt.Errorf("acknowledged were %d events, but wagate took in %.0f, %.0f of them for the second time, and left out %.0f",
			events, taken, twice, out)
	}
	return nil
}

func grown(before, after proc.Metrics, name string) float64 {
	return after.Sum(name) - before.Sum(name)
}

// delivered returns how many events the assistant has.
func (w *world) delivered() (int, error) {
	if w.assistant == nil {
		return 0, nil
	}
	var r received
	err := w.assistant.Ask(watch{}, &r)
	return r.Events, err
}

// drainWithin bounds how long the relay may go on after a run.
const drainWithin = 90 * time.Second

// drain waits until the assistant has everything, so that one run does not burden the next.
func (w *world) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainWithin)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		has, err := w.delivered()
		if err != nil || has >= w.events || w.assistant == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the assistant has %d of %d events: %w", has, w.events, ctx.Err())
		case <-tick.C:
		}
	}
}
