package proc

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Metrics are samples in Prometheus' text format. The key is the name with its labels as they are
// written: name{label="value"}.
type Metrics map[string]float64

func parseMetrics(r io.Reader) (Metrics, error) {
	m := Metrics{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(line[i+1:], 64)
		if i < 0 || err != nil {
			return nil, fmt.Errorf("not a sample: %q", line)
		}
		m[line[:i]] = v
	}
	return m, lines.Err()
}

// Gauge returns a sample without labels. It returns false if the sample is missing, as it is while
// wagate cannot read the state behind it.
func (m Metrics) Gauge(name string) (v float64, ok bool) {
	v, ok = m[name]
	return v, ok
}

// Sum adds up the samples of a metric that have all the given labels, each written label="value".
func (m Metrics) Sum(name string, labels ...string) float64 {
	sum := 0.0
	for sample, v := range m {
		if n, rest, _ := strings.Cut(sample, "{"); n == name && has(rest, labels) {
			sum += v
		}
	}
	return sum
}

func has(rest string, labels []string) bool {
	for _, l := range labels {
		if !strings.Contains(rest, l) {
			return false
		}
	}
	return true
}
