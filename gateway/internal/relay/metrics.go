package relay

import "github.com/prometheus/client_golang/prometheus"

// The outcomes of a claimed delivery.
const (
	outcomeDelivered = "delivered"
	outcomeRetried   = "retried"
	outcomeSplit     = "split" // its events are delivered one by one from now on, to find the one at fault
	outcomeDead      = "dead"
	outcomeReleased  = "released" // given back without counting a try: breaker, hold, stop, or too late to begin
	outcomeStale     = "stale"    // its lease had passed to somebody else before the result was recorded
	outcomeUnknown   = "unknown"  // the result could not be recorded; it will be tried again
)

// metrics are those of the package. Queue lengths and lag are read from the store.
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
			Help:    "Time until an assistant answered a delivery, or until the try failed.",
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
