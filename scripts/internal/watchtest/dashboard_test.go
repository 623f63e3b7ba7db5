package watchtest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const dashboardFile = "../../dashboards/wagate.json"

// datasource is the dashboard variable that chooses the data source.
const datasource = "$datasource"

type target struct {
	Expr         string `json:"expr"`
	LegendFormat string `json:"legendFormat"`
	RefID        string `json:"refId"`
}

type panel struct {
	ID         int                        `json:"id"`
	Title      string                     `json:"title"`
	Type       string                     `json:"type"`
	Datasource struct{ Type, UID string } `json:"datasource"`
	GridPos    struct{ X, Y, W, H int }   `json:"gridPos"`
	Targets    []target                   `json:"targets"`
}

type dashboard struct {
	UID        string  `json:"uid"`
	Panels     []panel `json:"panels"`
	Templating struct {
		List []struct{ Name, Type, Query string }
	} `json:"templating"`
}

// readDashboard reads the dashboard from its file.
func readDashboard(t *testing.T) dashboard {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(dashboardFile))
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// sentQuery returns a panel's query as Grafana sends it.
func sentQuery(expr string) string { return strings.ReplaceAll(expr, "$__rate_interval", "5m") }

// TestPanelQueries: each query must parse, ask only for metrics, labels and values that are
// exported, and select by the chosen job and instance.
func TestPanelQueries(t *testing.T) {
	all := exports(t)
	for _, p := range readDashboard(t).Panels {
		t.Run(p.Title, func(t *testing.T) {
			for _, q := range p.Targets {
				check(t, all, sentQuery(q.Expr))
				for _, chosen := range []string{`job=~"$job"`, `instance=~"$instance"`} {
					if strings.Count(q.Expr, chosen) != strings.Count(q.Expr, "{") {
						t.Errorf("%s: got a selector without %s, want it in each", q.Expr, chosen)
					}
				}
			}
		})
	}
}

// TestPanelsShowEachMetric: each exported metric must be in some panel.
func TestPanelsShowEachMetric(t *testing.T) {
	var queries strings.Builder
	for _, p := range readDashboard(t).Panels {
		for _, q := range p.Targets {
			queries.WriteString(q.Expr + "\n")
		}
	}
	families, err := fresh()
	if err != nil {
		t.Fatal(err)
	}
	for name := range families {
		if strings.HasPrefix(name, "wagate_") && !strings.Contains(queries.String(), name) {
			t.Errorf("got no panel that shows %s, want one", name)
		}
	}
}

// TestPanelLayout: panels must have ids of their own, must not overlap, and must use the chosen
// data source.
func TestPanelLayout(t *testing.T) {
	d := readDashboard(t)
	ids, cells := map[int]string{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] != "" {
			t.Errorf("%s: got id %d, which %s has, want another", p.Title, p.ID, ids[p.ID])
		}
		ids[p.ID] = p.Title
		if g := p.GridPos; g.X < 0 || g.X+g.W > 24 || g.W < 1 || g.H < 1 {
			t.Errorf("%s: got %+v, want it within 24 columns", p.Title, g)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := cells[[2]int{x, y}]; other != "" {
					t.Fatalf("%s: got it over %s, want them apart", p.Title, other)
				}
				cells[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Datasource.UID != datasource || p.Datasource.Type != "prometheus" {
			t.Errorf("%s: got data source %+v, want %s", p.Title, p.Datasource, datasource)
		}
		refs := map[string]bool{}
		for _, q := range p.Targets {
			if q.RefID == "" || refs[q.RefID] {
				t.Errorf("%s: got refId %q, want a different one for each query", p.Title, q.RefID)
			}
			refs[q.RefID] = true
		}
		if len(refs) == 0 {
			t.Errorf("%s: got no query, want one", p.Title)
		}
	}
	names := map[string]bool{}
	for _, v := range d.Templating.List {
		names[v.Name] = true
	}
	for _, name := range []string{"datasource", "job", "instance"} {
		if !names[name] {
			t.Errorf("got no variable %s, want one", name)
		}
	}
}
