package runner

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	lateness prometheus.Histogram
	stale    prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		lateness: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "wagate_followup_lateness_seconds",
			Help:    "How long after it was due a follow-up step was sent, in domain time.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 21600},
		}),
		stale: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "wagate_followup_claims_lost_total",
			Help: "Claimed steps that were void by the time they were to be sent: a reply, a restart, a lost lease.",
		}),
	}
	r.MustRegister(m.lateness, m.stale)
	return m
}
