package ingest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"wagate/scripts/benches/internal/bench"
	"wagate/scripts/benches/internal/load"
	"wagate/scripts/internal/figure"
)

// passage is how long texts took from when they were due to be posted until the assistant had them.
type passage struct {
	posted   sample
	p50, p99 float64 // ms
}

// String formats the result of a run.
func (p passage) String() string {
	return fmt.Sprintf("p50 %.2f p99 %.2f ms; posted %s", p.p50, p.p99, p.posted)
}

// endToEnd measures and judges the whole way at half of the highest rate.
func (s *suite) endToEnd(ctx context.Context) error {
	if s.saturation == 0 {
		r, err := s.relay.as(nameRelay, texts, load.Plan{Connections: crowd, For: s.sizes.long}).Run(ctx)
		if err != nil {
			return err
		}
		s.saturation = r.through()
	}
	p := load.Plan{Connections: crowd, For: s.sizes.open, PerSecond: s.saturation / 2}
	runs, err := bench.Rounds(ctx, s.Bench, "end to end", s.sizes.rounds, bench.Side[passage]{
		Name: nameRelay, Run: func(ctx context.Context) (passage, error) { return s.passage(ctx, p) },
	})
	if err != nil {
		return err
	}
	s.Figure("end_to_end_per_s", p.PerSecond)
	s.Figure("end_to_end_p50_ms", figure.MedianOf(runs[nameRelay], func(p passage) float64 { return p.p50 }))
	s.Judge("end_to_end_p99_ms", figure.MedianOf(runs[nameRelay], func(p passage) float64 { return p.p99 }), figure.AtMost(20))
	return nil
}

func (s *suite) passage(ctx context.Context, p load.Plan) (passage, error) {
	assistant := s.relay.world.assistant
	var had received
	count := int(p.PerSecond*p.For.Seconds()) + p.Connections
	if err := assistant.Ask(watch{First: s.relay.next[texts], Count: count}, &had); err != nil {
		return passage{}, err
	}
	posted, err := s.relay.run(ctx, texts, p)
	if err != nil {
		return passage{}, err
	}
	if err := s.relay.world.drain(ctx); err != nil {
		return passage{}, err
	}
	var has received
	if err := assistant.Ask(watch{}, &has); err != nil {
		return passage{}, err
	}
	took := make([]time.Duration, 0, posted.requests)
	for i, at := range has.At[:posted.requests] {
		if at == 0 {
			return passage{}, fmt.Errorf("text %d of %d never reached the assistant", i+1, posted.requests)
		}
		took = append(took, time.Unix(0, at).Sub(p.Due(posted.began, i)))
	}
	slices.Sort(took)
	return passage{
		posted: posted, p50: figure.Milliseconds(figure.Quantile(took, 0.5)), p99: figure.Milliseconds(figure.Quantile(took, 0.99)),
	}, nil
}
