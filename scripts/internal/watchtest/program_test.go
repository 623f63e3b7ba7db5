package watchtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// root is the directory of wagate's own module.
const root = "../../.."

// operator is the smallest operator file that a sandbox starts with.
const operator = `
listen: "127.0.0.1:0"
admin: "127.0.0.1:0"
sandbox: true
redis: {url: ""}
ai: {base_url: "http://127.0.0.1:1/v1", model: "none"}
meta_apps:
  - {key: main, app_secret: "secret", verify_token: "token"}
tenants:
  - id: 5f0c6a1e-0b1d-4c53-9a52-6d3f1c9f0001
    name: Acme
    api_keys: ["key"]
    assistants:
      - {id: 5f0c6a1e-0b1d-4c53-9a52-6d3f1c9f0002, name: Sales, url: "http://127.0.0.1:1/", secret: "secret"}
    channels:
      - {id: 5f0c6a1e-0b1d-4c53-9a52-6d3f1c9f0003, name: WhatsApp, provider: meta, app: main, phone_number_id: "400000000000001",
         waba_id: "300000000000001", access_token: "token", assistant_id: 5f0c6a1e-0b1d-4c53-9a52-6d3f1c9f0002}
`

// patience bounds a start and a scrape. Only a test that fails waits that long.
const patience = time.Minute

// fresh returns what a freshly started wagate exports. It is scraped once for all tests.
var fresh = sync.OnceValues(scrape)

// scrape builds wagate, starts it, reads its metrics and stops it.
func scrape() (families map[string]*dto.MetricFamily, err error) {
	dir, err := os.MkdirTemp("", "watchtest")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program, file := filepath.Join(dir, "wagate"), filepath.Join(dir, "wagate.yaml")
	ctx, cancel := context.WithTimeout(context.Background(), 5*patience)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./gateway")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build wagate: %w: %s", err, out)
	}
	if err := os.WriteFile(file, []byte(operator), 0o600); err != nil {
		return nil, err
	}
	serve := exec.CommandContext(ctx, program, "serve", "-config", file)
	log, err := serve.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := serve.Start(); err != nil {
		return nil, err
	}
	defer func() {
		_ = serve.Process.Kill()
		_ = serve.Wait() // it was killed
	}()
	addr, err := adminAddr(log)
	if err != nil {
		return nil, err
	}
	return get(ctx, "http://"+addr+"/metrics")
}

// adminAddr reads the log up to the line that names the address of the admin listener.
func adminAddr(log io.Reader) (string, error) {
	var read strings.Builder
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		line := lines.Text()
		read.WriteString(line + "\n")
		if _, rest, ok := strings.Cut(line, "addr="); ok && strings.Contains(rest, "listener=admin") {
			addr, _, _ := strings.Cut(rest, " ")
			return addr, nil
		}
	}
	return "", fmt.Errorf("wagate did not say where it listens:\n%s", &read)
}

// get reads the metrics at a URL.
func get(ctx context.Context, url string) (map[string]*dto.MetricFamily, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(res.Body)
}

// exported is a name that a query may ask for, with its labels and their values.
type exported struct {
	counter bool // whether it only grows, except at restarts
	labels  map[string]map[string]bool
}

// exports returns what a freshly started wagate exports, by the names that queries use.
func exports(t *testing.T) map[string]exported {
	t.Helper()
	families, err := fresh()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]exported{"up": {}}
	for name, f := range families {
		labels := map[string]map[string]bool{}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if labels[l.GetName()] == nil {
					labels[l.GetName()] = map[string]bool{}
				}
				labels[l.GetName()][l.GetValue()] = true
			}
		}
		switch f.GetType() {
		case dto.MetricType_COUNTER:
			all[name] = exported{counter: true, labels: labels}
		case dto.MetricType_SUMMARY:
			all[name+"_sum"] = exported{counter: true, labels: labels}
			all[name+"_count"] = exported{counter: true, labels: labels}
		case dto.MetricType_HISTOGRAM:
			all[name+"_sum"] = exported{counter: true, labels: labels}
			all[name+"_count"] = exported{counter: true, labels: labels}
			bounds := maps.Clone(labels)
			bounds["le"] = map[string]bool{}
			all[name+"_bucket"] = exported{counter: true, labels: bounds}
		default:
			all[name] = exported{labels: labels}
		}
	}
	return all
}
