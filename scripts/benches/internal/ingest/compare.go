package ingest

import (
	"context"
	"fmt"

	"wagate/scripts/benches/internal/bench"
	"wagate/scripts/benches/internal/load"
	"wagate/scripts/internal/figure"
)

// nameBatch is the name of the idle world when it takes in batches.
const nameBatch = "batches"

// compare measures and judges single texts and batches at 64 connections.
func (s *suite) compare(ctx context.Context) error {
	p := load.Plan{Connections: crowd, For: s.sizes.long}
	runs, err := bench.Rounds(ctx, s.Bench, "texts 64", s.sizes.rounds,
		s.bare.as(nameBare, texts, p), s.idle.as(nameIdle, texts, p),
		s.relay.as(nameRelay, texts, p), s.idle.as(nameBatch, batches, p))
	if err != nil {
		return err
	}
	bare, idle, relay := runs[nameBare], runs[nameIdle], runs[nameRelay]
	s.Judge("texts_64_idle_to_bare", ratio(idle, bare, rate), figure.AtLeast(0.35))
	s.Judge("texts_64_relaying_to_bare", ratio(relay, bare, rate), figure.AtLeast(0.20))
	s.Judge("texts_64_idle_to_bare_p99", ratio(idle, bare, p99), figure.AtMost(2))
	s.Figure("texts_64_relaying_to_bare_p99", ratio(relay, bare, p99))
	s.Figure("texts_64_whole_way_to_bare", figure.MedianOf(relay, sample.through)/figure.MedianOf(bare, rate))
	s.Judge("batch_item_cheaper", batchItems*ratio(runs[nameBatch], idle, rate), figure.AtLeast(4))
	s.describe("texts_64_bare", bare)
	s.describe("texts_64_idle", idle)
	s.describe("texts_64_relaying", relay)
	s.saturation = figure.MedianOf(relay, sample.through)
	return nil
}

// matrix measures what has no aim.
func (s *suite) matrix(ctx context.Context) error {
	file := s.Path("sent.json")
	if err := s.idle.world.send(ctx, s.sizes.sent, s.sizes.leads, file); err != nil {
		return err
	}
	// One ration for each run, and some for the profile.
	s.idle.sent, s.idle.ration = file, s.sizes.sent*len(states)/(len(s.sizes.connections)*s.sizes.others+4)
	s.bare.sent, s.bare.ration = file, s.sizes.sent*len(states)
	for _, k := range []kind{texts, statuses, batches} {
		for _, n := range s.sizes.connections {
			if k == texts && n == crowd && s.Runs(partTexts) {
				continue // compare has measured this
			}
			p := load.Plan{Connections: n, For: s.sizes.short}
			what := fmt.Sprintf("%s_%d", k, n)
			runs, err := bench.Rounds(ctx, s.Bench, what, s.sizes.others, s.bare.as(nameBare, k, p), s.idle.as(nameIdle, k, p))
			if err != nil {
				return err
			}
			s.describe(what+"_bare", runs[nameBare])
			s.describe(what+"_idle", runs[nameIdle])
		}
	}
	return nil
}

// openRate is the rate of the open loop, per second.
const openRate = 3000

// openLoop measures and judges latency at a fixed rate, which does not depend on the latency.
func (s *suite) openLoop(ctx context.Context) error {
	p := load.Plan{Connections: crowd, For: s.sizes.open, PerSecond: openRate}
	what := fmt.Sprintf("open_%d", openRate)
	runs, err := bench.Rounds(ctx, s.Bench, what, s.sizes.rounds, s.bare.as(nameBare, texts, p), s.idle.as(nameIdle, texts, p))
	if err != nil {
		return err
	}
	s.Judge(what+"_idle_to_bare_p99", ratio(runs[nameIdle], runs[nameBare], p99), figure.AtMost(2))
	s.describe(what+"_bare", runs[nameBare])
	s.describe(what+"_idle", runs[nameIdle])
	return nil
}

func rate(r sample) float64 { return r.rate }
func p50(r sample) float64  { return r.p50 }
func p99(r sample) float64  { return r.p99 }

// ratio returns the ratio of the medians of two sides.
func ratio(a, b []sample, of func(sample) float64) float64 {
	return figure.MedianOf(a, of) / figure.MedianOf(b, of)
}

// describe adds the medians of a side's runs to the figures.
func (s *suite) describe(name string, runs []sample) {
	s.Figure(name+"_per_s", figure.MedianOf(runs, rate))
	s.Figure(name+"_p50_ms", figure.MedianOf(runs, p50))
	s.Figure(name+"_p99_ms", figure.MedianOf(runs, p99))
	s.Figure(name+"_cpu_us_per_event", figure.MedianOf(runs, func(r sample) float64 { return r.micros(r.server) }))
	s.Figure(name+"_client_cpu_us_per_event", figure.MedianOf(runs, func(r sample) float64 { return r.micros(r.client) }))
	if runs[0].of == nil {
		return
	}
	for _, f := range []struct {
		name string
		of   func(sample) float64
	}{
		{"redis_cpu_us_per_event", func(r sample) float64 { return r.micros(r.cost.redis.CPU) }},
		{"allocs_per_request", sample.allocs},
		{"redis_commands_per_event", func(r sample) float64 { return r.perEvent(r.cost.redis.Commands) }},
		{"redis_scripts_per_event", func(r sample) float64 { return r.perEvent(r.cost.redis.Scripts) }},
		{"redis_reads_per_event", func(r sample) float64 { return r.perEvent(r.cost.redis.Reads) }},
		{"redis_bytes_in_per_event", func(r sample) float64 { return r.perEvent(r.cost.redis.In) }},
		{"redis_bytes_out_per_event", func(r sample) float64 { return r.perEvent(r.cost.redis.Out) }},
	} {
		s.Figure(name+"_"+f.name, figure.MedianOf(runs, f.of))
	}
	if runs[0].of.assistant != nil {
		s.Figure(name+"_delivered_per_s", figure.MedianOf(runs, sample.delivered))
		s.Figure(name+"_whole_way_per_s", figure.MedianOf(runs, sample.through))
	}
}
