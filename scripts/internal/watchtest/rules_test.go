package watchtest

import (
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

const (
	rulesFile  = "../../alerts/wagate.rules.yaml"
	readmeFile = root + "/README.md"
)

// readRules returns the alerts and how often Prometheus evaluates them.
func readRules(t *testing.T) (alerts []rulefmt.Rule, every time.Duration) {
	t.Helper()
	groups, errs := rulefmt.ParseFile(rulesFile, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Error(err)
	}
	if len(errs) > 0 || len(groups.Groups) != 1 {
		t.Fatalf("got %d groups and %d errors, want 1 and 0", len(groups.Groups), len(errs))
	}
	return groups.Groups[0].Rules, time.Duration(groups.Groups[0].Interval)
}

// TestRuleQueries: each query must ask only for metrics, labels and values that are exported.
func TestRuleQueries(t *testing.T) {
	all := exports(t)
	rules, _ := readRules(t)
	for _, r := range rules {
		t.Run(r.Alert, func(t *testing.T) { check(t, all, r.Expr) })
	}
}

// TestRulesSayWhatToDo: each alert must say what is wrong, what that means and what to do first. A
// critical one must wait longer than a restart takes. An alert that waits must look back for less
// time than it waits, so that a single failure never fires it.
func TestRulesSayWhatToDo(t *testing.T) {
	rules, _ := readRules(t)
	names := map[string]bool{}
	for _, r := range rules {
		if names[r.Alert] || !strings.HasPrefix(r.Alert, "Wagate") {
			t.Errorf("alert: got name %s, want a name of its own that begins with Wagate", r.Alert)
		}
		names[r.Alert] = true
		if !slices.Contains([]string{"critical", "warning"}, r.Labels["severity"]) {
			t.Errorf("%s: got severity %q, want critical or warning", r.Alert, r.Labels["severity"])
		}
		if r.Annotations["summary"] == "" || len(r.Annotations["description"]) < 80 {
			t.Errorf("%s: got %q, want a summary, what it means and what to do", r.Alert, r.Annotations)
		}
		if least := 2 * time.Minute; r.Labels["severity"] == "critical" && time.Duration(r.For) < least {
			t.Errorf("%s: got a wait of %v, want at least %v, so that a restart wakes nobody", r.Alert, r.For, least)
		}
		parsed, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
		if err != nil {
			t.Fatal(err)
		}
		parser.Inspect(parsed, func(node parser.Node, path []parser.Node) error {
			m, ok := node.(*parser.MatrixSelector)
			if !ok {
				return nil
			}
			call, _ := path[len(path)-1].(*parser.Call)
			if call != nil && slices.Contains(counterFuncs, call.Func.Name) && r.For > 0 && m.Range >= time.Duration(r.For) {
				t.Errorf("%s: got a wait of %v over a range of %v, want it longer than the range, so that one failure never fires", r.Alert, r.For, m.Range)
			}
			return nil
		})
	}
}

// row matches a row of the README's table of alerts.
var row = regexp.MustCompile("(?m)^\\| `(Wagate[A-Za-z]+)`")

// TestReadmeNamesEachAlert: the README's table must hold the critical alerts in the rules' order,
// and its text must name the others.
func TestReadmeNamesEachAlert(t *testing.T) {
	text, err := os.ReadFile(readmeFile)
	if err != nil {
		t.Fatal(err)
	}
	var told, wakes []string
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		told = append(told, m[1])
	}
	rules, _ := readRules(t)
	for _, r := range rules {
		if r.Labels["severity"] == "critical" {
			wakes = append(wakes, r.Alert)
		} else if !strings.Contains(string(text), "`"+r.Alert+"`") {
			t.Errorf("README: got no %s, want it named", r.Alert)
		}
	}
	if !slices.Equal(told, wakes) {
		t.Errorf("README: got rows for %v, want %v", told, wakes)
	}
}

// TestReadmeNamesEachMetric: the README must name each exported metric.
func TestReadmeNamesEachMetric(t *testing.T) {
	text, err := os.ReadFile(readmeFile)
	if err != nil {
		t.Fatal(err)
	}
	families, err := fresh()
	if err != nil {
		t.Fatal(err)
	}
	for name := range families {
		if strings.HasPrefix(name, "wagate_") && !regexp.MustCompile("`"+name+"[`{]").Match(text) {
			t.Errorf("README: got no %s, want it named", name)
		}
	}
}
