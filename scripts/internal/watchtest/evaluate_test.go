package watchtest

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// scrapeEvery is the time between two values of a made-up series.
const scrapeEvery = time.Minute

// fakeStorage is a store of made-up series.
type fakeStorage []storage.Series

// newFakeStorage reads series in the notation of Prometheus' own rule tests, with one value every
// scrapeEvery: `name{label="value"} 1x4 0x10 _x3` is five times 1, eleven times 0 and three missed
// scrapes.
func newFakeStorage(t *testing.T, series []string) fakeStorage {
	t.Helper()
	var w fakeStorage
	for _, text := range series {
		lset, values, err := parser.NewParser(parser.Options{}).ParseSeriesDesc(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var samples []chunks.Sample
		for i, v := range values {
			if !v.Omitted {
				samples = append(samples, sample{at: (time.Duration(i) * scrapeEvery).Milliseconds(), value: v.Value})
			}
		}
		w = append(w, storage.NewListSeries(lset, samples))
	}
	return w
}

// fires returns the labels with which an alert fires at an instant after the series began: those
// that the rule's query has returned, at each evaluation, for as long as the rule waits.
func (w fakeStorage) fires(t *testing.T, r rulefmt.Rule, every, at time.Duration) []string {
	t.Helper()
	engine := promql.NewEngine(promql.EngineOpts{
		Logger: slog.New(slog.DiscardHandler), MaxSamples: 1_000_000, Timeout: patience, Parser: parser.NewParser(parser.Options{}),
	})
	defer func() { _ = engine.Close() }()
	since := map[string]time.Duration{}
	for now := time.Duration(0); now <= at; now += every {
		query, err := engine.NewInstantQuery(t.Context(), w, nil, r.Expr, time.UnixMilli(now.Milliseconds()))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := query.Exec(t.Context()).Vector()
		if err != nil {
			t.Fatal(err)
		}
		active := map[string]time.Duration{}
		for _, s := range answer {
			key := labels.NewBuilder(s.Metric).Del(model.MetricNameLabel).Labels().String()
			if began, ok := since[key]; ok {
				active[key] = began
			} else {
				active[key] = now
			}
		}
		since = active
		query.Close()
	}
	var firing []string
	for key, began := range since {
		if at-began >= time.Duration(r.For) {
			firing = append(firing, key)
		}
	}
	slices.Sort(firing)
	return firing
}

// Querier implements storage.Queryable.
func (w fakeStorage) Querier(int64, int64) (storage.Querier, error) { return querier{w: w}, nil }

// querier implements only what the engine calls: it selects series.
type querier struct {
	storage.Querier
	w fakeStorage
}

func (querier) Close() error { return nil }

func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []storage.Series
	for _, s := range q.w {
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(s.Labels().Get(m.Name)) }) {
			found = append(found, s)
		}
	}
	return &set{series: found, at: -1}
}

// set is a storage.SeriesSet over a slice.
type set struct {
	series []storage.Series
	at     int
}

func (s *set) Next() bool                        { s.at++; return s.at < len(s.series) }
func (s *set) At() storage.Series                { return s.series[s.at] }
func (s *set) Err() error                        { return nil }
func (s *set) Warnings() annotations.Annotations { return nil }

// sample is one value of a series.
type sample struct {
	at    int64 // ms
	value float64
}

func (s sample) T() int64                    { return s.at }
func (sample) ST() int64                     { return 0 }
func (s sample) F() float64                  { return s.value }
func (sample) H() *histogram.Histogram       { return nil }
func (sample) FH() *histogram.FloatHistogram { return nil }
func (sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample         { return s }
