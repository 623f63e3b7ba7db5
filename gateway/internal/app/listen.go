package app

import (
	"net"

	"github.com/prometheus/client_golang/prometheus"

	"wagate/gateway/internal/server"
)

// The listeners, and how many connections each serves at once. An idle connection costs some
// 30 KiB, one with a usual body half as much again, and large bodies have a budget of their own. So
// the public listener uses at most some 200 MiB, whoever calls and whatever they send.
const (
	publicListener    = "public"
	publicConnections = 4096
	adminListener     = "admin"
	adminConnections  = 64
)

// newRefused returns the counter of the connections beyond those limits.
func newRefused(r prometheus.Registerer) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wagate_connections_refused_total",
		Help: "Connections answered 503 because the listener had no place for more.",
	}, []string{"listener"})
	c.WithLabelValues(publicListener)
	c.WithLabelValues(adminListener)
	r.MustRegister(c)
	return c
}

// listen listens on addr and serves at most so many connections at once.
func (a *App) listen(name, addr string, most int) (net.Listener, error) {
	l, err := net.Listen("tcp", addr) //nolint:noctx // a local bind
	if err != nil {
		return nil, err
	}
	return server.Listen(l, server.ListenParams{Most: most, Refused: a.refused.WithLabelValues(name).Inc}), nil
}
