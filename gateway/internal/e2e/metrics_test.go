package e2e

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// contract lists the metrics whose names are part of the public contract.
var contract = []string{
	"wagate_webhook_requests_total{", "wagate_webhook_duration_seconds_count{", "wagate_events_total{",
	"wagate_events_duplicate_total{", "wagate_windows_open ", "wagate_relay_deliveries_total{", "wagate_relay_lag_seconds ",
	"wagate_relay_pending ", "wagate_relay_backlog ", "wagate_relay_backlog_dead ", "wagate_relay_refused_total{", "wagate_relay_dead ", "wagate_sends_total{", "wagate_send_duration_seconds_count{",
	"wagate_followup_steps_total{", "wagate_followup_lateness_seconds_count ", "wagate_followup_pending ",
	"wagate_followup_overdue_seconds ", "wagate_ai_requests_total{", "wagate_ai_duration_seconds_count ",
	"wagate_ai_tokens_total{", "wagate_redis_up ", "wagate_redis_durable ", "wagate_build_info{",
}

// TestMetricsFromTheStart: every metric is in the first scrape, so that an alert on it works before
// anything has gone wrong.
func TestMetricsFromTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	text := string(p.get(p.admin+"/metrics", "").want(200).body)
	for _, name := range contract {
		if !strings.Contains(text, "\n"+name) {
			t.Errorf("first scrape: got no %s, want it", name)
		}
		if family := strings.TrimSuffix(strings.TrimRight(name, "{ "), "_count"); !strings.Contains(text, "\n# HELP "+family+" ") {
			t.Errorf("first scrape: got no help for %s, want it", family)
		}
	}
	for name, want := range map[string]float64{
		"wagate_redis_up": 1, "wagate_redis_durable": 1, "wagate_followup_pending": 0, "wagate_windows_open": 0,
		`wagate_webhook_requests_total{outcome="ok",provider="meta"}`:       0,
		`wagate_followup_steps_total{kind="ai",outcome="sent",reason="ai"}`: 0,
	} {
		until(t, func() error { // on a busy machine Redis may answer too late for a scrape
			if got := p.metric(name); got != want {
				return mismatch(name, got, want)
			}
			return nil
		})
	}
}

// TestMetricsWhileRedisIsAway: while Redis is away, a scrape still answers and shows it. Readiness
// fails, liveness does not.
func TestMetricsWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	w.redis.Kill()
	until(t, func() error {
		if got := p.metric("wagate_redis_up"); got != 0 {
			return mismatch("wagate_redis_up", got, 0)
		}
		return nil
	})
	until(t, func() error {
		if a := p.get(p.admin+"/readyz", ""); a.status != http.StatusServiceUnavailable {
			return mismatch("readiness", a.status, http.StatusServiceUnavailable)
		}
		return nil
	})
	p.get(p.admin+"/livez", "").want(200)
}

// metric returns the value of one series of a scrape, or -1 if the series is not there.
func (p *process) metric(series string) float64 {
	p.t.Helper()
	for line := range strings.Lines(string(p.get(p.admin+"/metrics", "").want(200).body)) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				p.t.Fatalf("metric %s: %v", series, err)
			}
			return v
		}
	}
	return -1
}
