package server

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"wagate/gateway/internal/fault"
	"wagate/gateway/internal/leads"
	"wagate/gateway/internal/webhook"
)

// The providers of webhooks, as the metrics name them.
const (
	fromMeta    = "meta"
	fromGupshup = "gupshup"
	fromCRM     = "crm"
)

var sources = []string{fromMeta, fromGupshup, fromCRM}

// The outcomes of a webhook request.
const (
	outcomeOK           = "ok"
	outcomeHandshake    = "handshake"
	outcomeForbidden    = "forbidden" // a handshake refused
	outcomeUnauthorized = "unauthorized"
	outcomeUnknown      = "unknown" // no such app, channel or tenant
	outcomeMalformed    = "malformed"
	outcomeConflict     = "conflict"
	outcomeTooLarge     = "too_large"
	outcomeUnsupported  = "unsupported"
	outcomeUnavailable  = "unavailable"
	outcomeBusy         = "busy" // too many large bodies at once
	outcomeError        = "error"
)

var outcomes = []string{
	outcomeOK, string(leads.Ignored), string(leads.Stale), outcomeHandshake, outcomeForbidden,
	outcomeUnauthorized, outcomeUnknown, outcomeMalformed, outcomeConflict, outcomeTooLarge,
	outcomeUnsupported, outcomeUnavailable, outcomeBusy, outcomeError,
}

type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wagate_webhook_requests_total",
			Help: "Webhook requests answered, by who sent them and what became of them.",
		}, []string{"provider", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "wagate_webhook_duration_seconds",
			Help:    "Time from the last byte of a webhook request to its answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"provider"}),
	}
	for _, source := range sources {
		m.duration.WithLabelValues(source)
		for _, outcome := range outcomes {
			m.requests.WithLabelValues(source, outcome)
		}
	}
	r.MustRegister(m.requests, m.duration)
	return m
}

// counted is the Local that marks a request as counted.
type counted struct{}

// webhook counts and times a handler that returns its outcome.
func (m *metrics) webhook(source string, now func() time.Time, h func(c *fiber.Ctx) (string, error)) fiber.Handler {
	return func(c *fiber.Ctx) error {
		start := now()
		outcome, err := h(c)
		if err != nil {
			outcome = outcomeOf(err)
		}
		m.requests.WithLabelValues(source, outcome).Inc()
		m.duration.WithLabelValues(source).Observe(now().Sub(start).Seconds())
		c.Locals(counted{}, true)
		return err
	}
}

// unrouted counts a webhook that never reached its handler: its header showed that the caller is
// not authentic, its body was too large or never arrived, or something panicked. A request for a
// method or path that does not exist is not a webhook.
func (m *metrics) unrouted(c *fiber.Ctx, err error) {
	if c.Locals(counted{}) != nil {
		return
	}
	rest, ok := strings.CutPrefix(c.Path(), "/webhooks/")
	if !ok {
		return
	}
	if e, ok := errors.AsType[*fiber.Error](err); ok && (e.Code == http.StatusNotFound || e.Code == http.StatusMethodNotAllowed) {
		return
	}
	for _, source := range sources {
		if strings.HasPrefix(rest, source+"/") {
			m.requests.WithLabelValues(source, outcomeOf(err)).Inc()
		}
	}
}

func outcomeOf(err error) string {
	switch {
	case errors.Is(err, webhook.ErrUnauthorized):
		return outcomeUnauthorized
	case errors.Is(err, webhook.ErrForbidden):
		return outcomeForbidden
	case errors.Is(err, webhook.ErrUnknown):
		return outcomeUnknown
	case errors.Is(err, webhook.ErrMalformed):
		return outcomeMalformed
	case errors.Is(err, errBusy):
		return outcomeBusy
	}
	switch asFault(err).Code {
	case fault.Unauthorized:
		return outcomeUnauthorized
	case fault.NotFound:
		return outcomeUnknown
	case fault.AlreadyExists:
		return outcomeConflict
	case fault.Validation, fault.MissingField, fault.BadRequest, fault.Timeout:
		return outcomeMalformed
	case fault.TooLarge, fault.HeaderTooLarge:
		return outcomeTooLarge
	case fault.Unsupported:
		return outcomeUnsupported
	case fault.Unavailable:
		return outcomeUnavailable
	case fault.Forbidden, fault.RateLimited, fault.RunNotStarted, fault.MethodNotAllowed, fault.Internal:
	}
	return outcomeError
}
