package watchtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// scrapeLabels are the labels that Prometheus adds to each series.
var scrapeLabels = []string{"job", "instance"}

// sharedGauges are the gauges that every replica reads from the one Redis. Their sum over the
// replicas means nothing.
var sharedGauges = []string{
	"wagate_windows_open", "wagate_followup_pending", "wagate_followup_overdue_seconds", "wagate_relay_pending",
	"wagate_relay_backlog", "wagate_relay_backlog_dead", "wagate_relay_lag_seconds", "wagate_relay_dead",
}

// counterFuncs are the functions that take a counter.
var counterFuncs = []string{"rate", "irate", "increase"}

// startMetric is the metric that tells since when a counter has grown. A query that uses it may use
// a counter's own value.
const startMetric = "process_start_time_seconds"

// check fails the test unless a query parses and fits what is exported.
func check(t *testing.T, all map[string]exported, query string) {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		t.Errorf("%s: %v", query, err)
		return
	}
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			selector(t, all, query, n, path)
		case *parser.AggregateExpr:
			for _, l := range n.Grouping {
				if !slices.Contains(scrapeLabels, l) && !hasLabel(all, n.Expr, l) {
					t.Errorf("%s: got grouping by %s, want a label of a metric in it", query, l)
				}
			}
		}
		return nil
	})
}

// selector checks a selector's name, labels and values, and that its series are combined over
// replicas in a way that means something.
func selector(t *testing.T, all map[string]exported, query string, n *parser.VectorSelector, path []parser.Node) {
	t.Helper()
	e, ok := all[n.Name]
	if !ok {
		t.Errorf("%s: got %s, want a metric that wagate exports", query, n.Name)
		return
	}
	for _, m := range n.LabelMatchers {
		if m.Name != model.MetricNameLabel && !slices.Contains(scrapeLabels, m.Name) {
			matcher(t, query, n.Name, e, m)
		}
	}
	grown, outermost := false, parser.ItemType(0)
	for _, p := range path {
		switch p := p.(type) {
		case *parser.Call:
			grown = grown || slices.Contains(counterFuncs, p.Func.Name)
		case *parser.BinaryExpr:
			grown = grown || p.Op == parser.LAND && n.Name != startMetric && strings.Contains(p.RHS.String(), startMetric)
		case *parser.AggregateExpr:
			outermost = p.Op
		}
	}
	if e.counter != grown {
		t.Errorf("%s: %s: got rate %v, want a rate of each counter and of nothing else", query, n.Name, grown)
	}
	if slices.Contains(sharedGauges, n.Name) && outermost != parser.MAX {
		t.Errorf("%s: %s: got no max, want one, because every replica exports the same", query, n.Name)
	}
}

// matcher checks that each value in a label matcher is exported.
func matcher(t *testing.T, query, name string, e exported, m *labels.Matcher) {
	t.Helper()
	values, ok := e.labels[m.Name]
	if !ok {
		t.Errorf("%s: got label %s, want one that %s has", query, m.Name, name)
		return
	}
	for one := range strings.SplitSeq(m.Value, "|") {
		if !values[one] {
			t.Errorf("%s: got %s=%q, want a value that %s has from the start", query, m.Name, one, name)
		}
	}
}

// hasLabel reports whether a metric in an expression has a label.
func hasLabel(all map[string]exported, expr parser.Expr, label string) bool {
	found := false
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if s, ok := node.(*parser.VectorSelector); ok && all[s.Name].labels[label] != nil {
			found = true
		}
		return nil
	})
	return found
}
