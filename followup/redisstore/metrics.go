package redisstore

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the gauges that Check sets.
type metrics struct {
	durable prometheus.Gauge
	offset  prometheus.Gauge
}

// newMetrics registers the store's metrics with r; with none if r is nil.
func newMetrics(r prometheus.Registerer, s *Store) *metrics {
	m := &metrics{
		durable: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "wagate_redis_durable",
			Help: "1 if Redis is configured to keep the promised durability, else 0.",
		}),
		offset: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "wagate_redis_clock_offset_seconds",
			Help: "Clock of Redis minus the clock of this process.",
		}),
	}
	if r == nil {
		return m
	}
	r.MustRegister(m.durable, m.offset, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "wagate_redis_up",
		Help: "1 if Redis answered when this was scraped, else 0.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), s.patience.up)
		defer cancel()
		if s.answers(ctx) {
			return 1
		}
		return 0
	}))
	return m
}

// checked sets the gauges from a report of Check.
func (m *metrics) checked(r Report) {
	durable := 0.0
	if r.Durable {
		durable = 1
	}
	m.durable.Set(durable)
	m.offset.Set(r.Offset.Seconds())
}
