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

// readRules returns the alerts, and how often they are looked at.
func readRules(t *testing.T) (alerts []rulefmt.Rule, every time.Duration) {
	t.Helper()
	groups, errs := rulefmt.ParseFile(rulesFile, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Error(err)
	}
	if len(errs) > 0 || len(groups.Groups) != 1 {
		t.Fatalf("got %d groups and %d errors, want one and none", len(groups.Groups), len(errs))
	}
	return groups.Groups[0].Rules, time.Duration(groups.Groups[0].Interval)
}

// TestRulesAskForWhatThereIs: each query's metrics, labels and values exist.
func TestRulesAskForWhatThereIs(t *testing.T) {
	all := exports(t)
	rules, _ := readRules(t)
	for _, r := range rules {
		t.Run(r.Alert, func(t *testing.T) { check(t, all, r.Expr) })
	}
}

// TestRulesSayWhatToDo: whoever is woken reads what is wrong, what it means and
// what to do first. Nobody is woken by what lasts no longer than a restart, and what is not
// told at once is not told of one failure.
func TestRulesSayWhatToDo(t *testing.T) {
	rules, _ := readRules(t)
	names := map[string]bool{}
	for _, r := range rules {
		if names[r.Alert] || !strings.HasPrefix(r.Alert, "Wagate") {
			t.Errorf("got the name %s, want one of its own that begins with Wagate", r.Alert)
		}
		names[r.Alert] = true
		if !slices.Contains([]string{"critical", "warning"}, r.Labels["severity"]) {
			t.Errorf("%s: got severity %q, want critical or warning", r.Alert, r.Labels["severity"])
		}
		if r.Annotations["summary"] == "" || len(r.Annotations["description"]) < 80 {
			t.Errorf("%s: got %q, want a summary and what it means and what to do", r.Alert, r.Annotations)
		}
		if least := 2 * time.Minute; r.Labels["severity"] == "critical" && time.Duration(r.For) < least {
			t.Errorf("%s: got for %v, want at least %v, so that a restart wakes nobody", r.Alert, r.For, least)
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
			if call != nil && slices.Contains(grows, call.Func.Name) && r.For > 0 && m.Range >= time.Duration(r.For) {
				t.Errorf("%s: got for %v over %v, want it longer, so that one failure never fires", r.Alert, r.For, m.Range)
			}
			return nil
		})
	}
}

// row is one of the README's table of alerts.
var row = regexp.MustCompile("(?m)^\\| `(Wagate[A-Za-z]+)`")

// TestReadmeTellsOfEachAlert, in the rules' order: those that wake somebody first have
// their table, and each that is told of is there.
func TestReadmeTellsOfEachAlert(t *testing.T) {
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
			t.Errorf("readme: got nothing of %s", r.Alert)
		}
	}
	if !slices.Equal(told, wakes) {
		t.Errorf("readme: got rows for %v, want %v", told, wakes)
	}
}

// TestReadmeNamesEachMetric: what is exported is told of.
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
			t.Errorf("readme: got nothing of %s", name)
		}
	}
}
