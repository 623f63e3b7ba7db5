package relay

import "github.com/prometheus/client_golang/prometheus"

// The outcomes of a claimed delivery.
const (
	outcomeDelivered = "delivered"
	outcomeRetried   = "retried"
	outcomeSplit     = "split" // its events go one by one, to find the one at fault
	outcomeDead      = "dead"
	outcomeReleased  = "released" // given back untried: breaker, or stopping
	outcomeStale     = "stale"    // tried, but its lease had passed to somebody else
	outcomeUnknown   = "unknown"  // tried, but the store could not be told; it will be tried again
)

// metrics of the relay. Queue lengths and lag are read from the store.
type metrics struct {
	deliveries *prometheus.CounterVec
	duration   prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wagate_relay_deliveries_total",
			Help: "Tries to deliver events to an assistant, by outcome.",
		}, []string{"outcome"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "wagate_relay_duration_seconds",
			Help:    "How long assistants took to answer a delivery, or not to.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
	}
	for _, o := range []string{
		outcomeDelivered, outcomeRetried, outcomeSplit, outcomeDead, outcomeReleased, outcomeStale, outcomeUnknown,
	} {
		m.deliveries.WithLabelValues(o)
	}
	r.MustRegister(m.deliveries, m.duration)
	return m
}
