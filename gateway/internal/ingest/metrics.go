package ingest

import (
	"github.com/prometheus/client_golang/prometheus"

	"wagate/providers"
)

// The reasons why an item is left out.
const (
	dropUndecodable = "undecodable"
	dropUnknown     = "unknown_channel"
	dropUnbound     = "unbound" // the channel is not bound to the app that signed
	dropHistory     = "history"
	dropPlatform    = "platform"
)

// metrics are those of the package. An event is counted when it is settled, so an event that the
// provider has to send again is counted once.
type metrics struct {
	events     *prometheus.CounterVec
	duplicates *prometheus.CounterVec
	dropped    *prometheus.CounterVec
	refused    *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wagate_events_total",
			Help: "Events taken in, duplicates included, by provider and kind.",
		}, []string{"provider", "kind"}),
		duplicates: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wagate_events_duplicate_total",
			Help: "Events taken in that had been settled before, by provider.",
		}, []string{"provider"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wagate_events_dropped_total",
			Help: "Items of authentic webhooks that were left out, by provider and reason.",
		}, []string{"provider", "reason"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wagate_relay_refused_total",
			Help: "Events refused because too many wait for their assistant, counted each time they come, by provider.",
		}, []string{"provider"}),
	}
	for _, p := range []providers.Name{providers.Meta, providers.Gupshup} {
		for _, k := range providers.Kinds {
			m.events.WithLabelValues(string(p), string(k))
		}
		m.duplicates.WithLabelValues(string(p))
		m.refused.WithLabelValues(string(p))
		for _, reason := range []string{dropUndecodable, dropUnknown, dropUnbound, dropHistory, dropPlatform} {
			m.dropped.WithLabelValues(string(p), reason)
		}
	}
	r.MustRegister(m.events, m.duplicates, m.dropped, m.refused)
	return m
}
