package outbound

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wagate/providers"
)

type metrics struct {
	sends    *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// kinds are the values of the label kind, which groups message types.
var kinds = []string{"text", "template", "media", "interactive", "other"}

func kindOf(messageType string) string {
	switch messageType {
	case "text", "template", "interactive":
		return messageType
	case "image", "video", "audio", "document", "sticker":
		return "media"
	}
	return "other"
}

// The outcomes of a provider call. The others are the kinds of error.
const (
	outcomeSent      = "sent"
	outcomeUncertain = "uncertain"
)

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		sends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wagate_sends_total",
			Help: "Provider calls that send a message, by provider, kind of message and outcome.",
		}, []string{"provider", "kind", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "wagate_send_duration_seconds",
			Help:    "How long provider calls that send a message took.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20},
		}, []string{"provider"}),
	}
	for _, p := range []providers.Name{providers.Meta, providers.Gupshup} {
		m.duration.WithLabelValues(string(p))
		for _, k := range kinds {
			m.sends.WithLabelValues(string(p), k, outcomeSent)
			m.sends.WithLabelValues(string(p), k, outcomeUncertain)
			for _, e := range providers.ErrorKinds {
				m.sends.WithLabelValues(string(p), k, string(e))
			}
		}
	}
	r.MustRegister(m.sends, m.duration)
	return m
}

func (m *metrics) sent(p providers.Name, messageType string, e *providers.Error, took time.Duration) {
	outcome := outcomeSent
	switch {
	case e != nil && e.MaybeSent:
		outcome = outcomeUncertain
	case e != nil:
		outcome = string(e.Kind)
	}
	m.sends.WithLabelValues(string(p), kindOf(messageType), outcome).Inc()
	m.duration.WithLabelValues(string(p)).Observe(took.Seconds())
}
