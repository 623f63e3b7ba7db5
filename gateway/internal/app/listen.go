package app

import (
	"net"

	"github.com/prometheus/client_golang/prometheus"

	"wagate/gateway/internal/server"
)

// The listeners, and how many connections each serves at once. An idle one costs
// some 30 KiB, one with a usual body half as much again; large bodies have a
// budget of their own. So the public listener can take up 200 MiB, whoever
// calls and whatever he sends.
const (
	publicListener    = "public"
	publicConnections = 4096
	adminListener     = "admin"
	adminConnections  = 64
)

// newRefused returns the counter of the connections beyond those.
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

// listen listens at an address, for at most so many connections.
func (a *App) listen(name, addr string, most int) (net.Listener, error) {
	l, err := net.Listen("tcp", addr) //nolint:noctx // a local bind
	if err != nil {
		return nil, err
	}
	return server.Listen(l, server.ListenParams{Most: most, Refused: a.refused.WithLabelValues(name).Inc}), nil
}
