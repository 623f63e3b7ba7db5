package writer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// outcome is how one request to the model ended. It is a metric label.
type outcome string

const (
	outcomeOK        outcome = "ok"
	outcomeUnusable  outcome = "unusable"  // answered, but the text failed the checks
	outcomeThrottled outcome = "throttled" // HTTP 429
	outcomeTimeout   outcome = "timeout"
	outcomeFailed    outcome = "error"    // no connection, 5xx, or a malformed answer
	outcomeRejected  outcome = "rejected" // any other 4xx: key, model or quota; a human is needed
	outcomeBroken    outcome = "breaker_open"
	outcomeCancelled outcome = "cancelled" // the caller gave up
)

var outcomes = [...]outcome{
	outcomeOK, outcomeUnusable, outcomeThrottled, outcomeTimeout, outcomeFailed,
	outcomeRejected, outcomeBroken, outcomeCancelled,
}

type metrics struct {
	requests *prometheus.CounterVec
	duration prometheus.Histogram
	tokens   *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wagate_ai_requests_total",
			Help: "Requests to the model, by how they ended.",
		}, []string{"outcome"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "wagate_ai_duration_seconds",
			Help:    "Time until a request to the model was answered or had failed.",
			Buckets: []float64{.1, .25, .5, 1, 2, 3, 5, 8, 13, 20, 30, 60},
		}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wagate_ai_tokens_total",
			Help: "Tokens the model counted, by direction: input (prompt) and output (completion).",
		}, []string{"direction"}),
	}
	for _, o := range outcomes {
		m.requests.WithLabelValues(string(o))
	}
	m.tokens.WithLabelValues("input")
	m.tokens.WithLabelValues("output")
	r.MustRegister(m.requests, m.duration, m.tokens)
	return m
}

func (m *metrics) request(o outcome) { m.requests.WithLabelValues(string(o)).Inc() }

func (m *metrics) took(d time.Duration) { m.duration.Observe(d.Seconds()) }

func (m *metrics) used(input, output int) {
	m.tokens.WithLabelValues("input").Add(float64(max(input, 0)))
	m.tokens.WithLabelValues("output").Add(float64(max(output, 0)))
}
