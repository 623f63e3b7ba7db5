package ingest

import (
	"context"
	"fmt"
	"time"

	"wagate/scripts/benches/internal/bench"
	"wagate/scripts/benches/internal/load"
	"wagate/scripts/internal/figure"
	"wagate/scripts/internal/proc"
)

// side is a server that webhooks are posted to.
type side struct {
	client *proc.Child
	addr   string
	world  *world      // nil for the bare side
	bare   *proc.Child // nil for a world

	leads int
	sent  string // file of the messages that statuses are about
	// ration is how many statuses one run may use, so that they last for all runs.
	ration int
	next   map[kind]int     // number of the next body
	rate   map[kind]float64 // requests per second in the last run
}

func newSide(client *proc.Child, addr string, leads int) *side {
	return &side{client: client, addr: addr, leads: leads, next: map[kind]int{}, rate: map[kind]float64{}}
}

// sample is the result of one run.
type sample struct {
	rate            float64 // requests per second
	p50, p99, worst float64 // ms
	requests        int
	events          int
	began           time.Time
	first           int           // number of the first body
	client, server  time.Duration // processor time, without that of Redis

	// The rest is set for wagate only.
	of      *world
	cost    cost
	took    time.Duration
	drained time.Duration // time after that until the assistant had everything
}

// String formats the result of a run.
func (s sample) String() string {
	line := fmt.Sprintf("%.0f/s p50 %.2f p99 %.2f max %.1f ms, CPU %.0f", s.rate, s.p50, s.p99, s.worst, s.micros(s.server))
	if s.of == nil {
		return line + " us"
	}
	line += fmt.Sprintf(" + %.0f us, redis commands %.1f in %.1f us, allocations %.0f",
		s.micros(s.cost.redis.CPU), s.perEvent(s.cost.redis.Commands), s.micros(s.cost.redis.Within), s.allocs())
	if s.of.assistant != nil {
		line += fmt.Sprintf(", delivered %.0f/s, the whole way %.0f/s", s.delivered(), s.through())
	}
	return line
}

// micros returns a processor time in microseconds per event.
func (s sample) micros(d time.Duration) float64 { return float64(d.Microseconds()) / float64(s.events) }

func (s sample) perEvent(n int64) float64 { return float64(n) / float64(s.events) }
func (s sample) allocs() float64          { return s.cost.allocs / float64(s.requests) }

// delivered returns how many events per second the assistant got while webhooks came in.
func (s sample) delivered() float64 { return float64(s.cost.delivered) / s.took.Seconds() }

// through returns how many events per second went the whole way: the number posted, over the time
// until the assistant had all of them.
func (s sample) through() float64 { return float64(s.events) / (s.took + s.drained).Seconds() }

const (
	// spare is how many times the number of requests that the last run of its kind would need are
	// made for a run.
	spare = 2
	// guess is the rate to assume before the first run.
	guess = 5000
)

// run posts bodies of a kind.
func (s *side) run(ctx context.Context, k kind, p load.Plan) (sample, error) {
	rate := p.PerSecond
	if rate == 0 {
		rate = spare * max(s.rate[k], guess/float64(k.items()))
	}
	most := int(rate*p.For.Seconds()) + p.Connections
	if k == statuses {
		most = min(most, s.ration)
		if s.world == nil {
			s.next[k] = 0 // the bare side takes the same statuses again
		}
	}
	return s.post(ctx, k, p, most)
}

// post posts at most most bodies of a kind.
func (s *side) post(ctx context.Context, k kind, p load.Plan, most int) (sample, error) {
	p.Addr = s.addr
	o := order{Plan: p, Kind: k, From: s.next[k], Most: most, Leads: s.leads, Sent: s.sent}
	var out outcome
	ask := func() (int, error) {
		if err := s.client.Ask(o, &out); err != nil {
			return 0, err
		}
		if out.Failed > 0 {
			return 0, fmt.Errorf("%d of %d requests failed: %s", out.Failed, out.Failed+out.Done, out.Failure)
		}
		return out.Done * k.items(), nil
	}
	r := sample{of: s.world, first: o.From}
	var err error
	if s.world == nil {
		r.server, err = s.measure(ask)
	} else {
		r.cost, err = s.world.measure(ctx, ask)
		r.server = r.cost.cpu
	}
	if err != nil {
		return sample{}, err
	}
	r.client = out.CPU
	r.requests, r.events, r.began, r.took = out.Done, out.Done*k.items(), out.Began, out.Elapsed
	r.rate = float64(out.Done) / out.Elapsed.Seconds()
	r.p50, r.p99, r.worst = figure.Milliseconds(out.P50), figure.Milliseconds(out.P99), figure.Milliseconds(out.Worst)
	s.next[k] += out.Done
	if p.PerSecond == 0 {
		s.rate[k] = r.rate
	}
	return r, nil
}

// measure calls run, which posts to the bare side, and returns the processor time that the bare
// side used for it.
func (s *side) measure(run func() (int, error)) (time.Duration, error) {
	var before, after standing
	if err := s.bare.Ask(struct{}{}, &before); err != nil {
		return 0, err
	}
	if _, err := run(); err != nil {
		return 0, err
	}
	err := s.bare.Ask(struct{}{}, &after)
	return after.CPU - before.CPU, err
}

// as returns the side for a comparison: the same load in every run. If there is an assistant, it
// has everything before the next run begins.
func (s *side) as(name string, k kind, p load.Plan) bench.Side[sample] {
	return bench.Side[sample]{Name: name, Run: func(ctx context.Context) (sample, error) {
		r, err := s.run(ctx, k, p)
		if err == nil && s.world != nil {
			began := time.Now()
			err = s.world.drain(ctx)
			r.drained = time.Since(began)
		}
		return r, err
	}}
}
