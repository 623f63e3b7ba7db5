package proc

import (
	"strings"
	"testing"
	"time"
)

// TestMetrics: Sum must add up all series of a name with the given labels, and Gauge must return
// the sample without labels. Malformed text must be an error.
func TestMetrics(t *testing.T) {
	t.Parallel()
	m, err := parseMetrics(strings.NewReader(`# HELP wagate_events_total Events.
# TYPE wagate_events_total counter
wagate_events_total{provider="meta",kind="text"} 41
wagate_events_total{provider="meta",kind="status"} 1.5e+03
wagate_events_total{provider="gupshup",kind="text"} 7
wagate_events_total_other 1

go_memstats_mallocs_total 123456
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"wagate_events_total", nil, 1548},
		{"wagate_events_total", []string{`provider="meta"`}, 1541},
		{"wagate_events_total", []string{`provider="meta"`, `kind="text"`}, 41},
		{"go_memstats_mallocs_total", nil, 123456},
		{"wagate_events", nil, 0},
	} {
		if got := m.Sum(c.name, c.labels...); got != c.want {
			t.Errorf("%s %v: got %v, want %v", c.name, c.labels, got, c.want)
		}
	}
	if got, ok := m.Gauge("wagate_events_total_other"); got != 1 || !ok {
		t.Errorf("Gauge: got %v, %v, want 1, true", got, ok)
	}
	if got, ok := m.Gauge("wagate_events_total"); ok {
		t.Errorf("Gauge of a metric with labels: got %v, want none", got)
	}
	for _, bad := range []string{"name", "name x", "5"} {
		if _, err := parseMetrics(strings.NewReader(bad + "\n")); err == nil {
			t.Errorf("%q: got no error, want one", bad)
		}
	}
}

// TestCounters: counters must be read from what INFO answers, and Sub must subtract each.
func TestCounters(t *testing.T) {
	t.Parallel()
	info := "# Stats\r\ntotal_connections_received:3\r\ntotal_commands_processed:900\r\ntotal_net_input_bytes:5000\r\n" +
		"total_net_output_bytes:70\r\ntotal_reads_processed:12\r\n# Commandstats\r\n" +
		"cmdstat_evalsha:calls=10,usec=5,usec_per_call=0.50\r\ncmdstat_eval:calls=2,usec=1\r\ncmdstat_get:calls=99,usec=7\r\ncmdstat_config|get:calls=1,usec=3,usec_per_call=3.00\r\n" +
		"# CPU\r\nused_cpu_sys:0.25\r\nused_cpu_user:1.5\r\nused_cpu_sys_children:9\r\n"
	got := parseCounters(info)
	if want := (Counters{Commands: 900, Scripts: 12, Reads: 12, In: 5000, Out: 70, CPU: 1750 * time.Millisecond, Within: 10 * time.Microsecond}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	before := Counters{Commands: 800, Scripts: 2, Reads: 1, In: 4000, Out: 60, CPU: time.Second, Within: time.Microsecond}
	if diff, want := got.Sub(before), (Counters{Commands: 100, Scripts: 10, Reads: 11, In: 1000, Out: 10, CPU: 750 * time.Millisecond, Within: 9 * time.Microsecond}); diff != want {
		t.Errorf("difference: got %+v, want %+v", diff, want)
	}
}
