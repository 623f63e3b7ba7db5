package server

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"wagate/followup"
	"wagate/gateway/internal/fault"
)

// Timeouts are the deadlines of a request: Header and Body bound its arrival, the others bound the
// answer from then on. A zero value means the default.
type Timeouts struct {
	Header   time.Duration // default 10s; includes the first bytes of the body
	Body     time.Duration // default 30s
	Webhook  time.Duration // default 10s; Gupshup waits no longer
	Backend  time.Duration // default 15s
	Messages time.Duration // default 60s; includes pacing and retries
}

func (t Timeouts) withDefaults() Timeouts {
	t.Header = cmp.Or(t.Header, 10*time.Second)
	t.Body = cmp.Or(t.Body, 30*time.Second)
	t.Webhook = cmp.Or(t.Webhook, 10*time.Second)
	t.Backend = cmp.Or(t.Backend, 15*time.Second)
	t.Messages = cmp.Or(t.Messages, time.Minute)
	return t
}

// PublicParams is what the public listener serves.
type PublicParams struct {
	Webhooks Webhooks
	CRM      CRM
	Messages Messages
	Leads    Leads
	Configs  Configs
	Runs     Runs
	Keys     Keys
	// Directory tells which tenant a channel belongs to.
	Directory *followup.Directory
	// RatePerMinute limits /backend per API key; 0: no limit.
	RatePerMinute int
	// BodyBudget bounds the memory of large bodies in flight, in bytes. A body that would exceed it
	// is answered 503. Default: 64 MiB.
	BodyBudget int
	// TrustedProxies are believed when they say whom they forward for. If there are none, private
	// addresses are believed.
	TrustedProxies []netip.Prefix
	Timeouts       Timeouts
	// Real returns real time, for the rate limit and for durations. Default: time.Now.
	Real     func() time.Time
	Registry prometheus.Registerer
	Logger   *slog.Logger
}

// public serves the public listener.
type public struct {
	PublicParams
	bodies  *bodies
	metrics *metrics
	limiter *limiter
	log     *slog.Logger
}

// Public returns the app of the public listener: webhooks, the messages route and /backend.
func Public(p PublicParams) *fiber.App {
	if p.Real == nil {
		p.Real = time.Now
	}
	p.Timeouts = p.Timeouts.withDefaults()
	s := &public{
		PublicParams: p, metrics: newMetrics(p.Registry), limiter: newLimiter(p.RatePerMinute, p.Real),
		bodies: newBodies(publicLimit, p.Timeouts.Body, cmp.Or(p.BodyBudget, bodyBudget), p.TrustedProxies),
		log:    p.Logger.With("component", "server"),
	}
	app := newApp(appParams{
		limit: publicLimit, header: p.Timeouts.Header, write: writeTimeout, onError: s.onError, log: s.log,
	})

	// Each chain checks the caller, reads the body, sets the deadline of the answer, and answers.
	hooks, soon := app.Group("/webhooks"), within(p.Timeouts.Webhook)
	hooks.Get("/meta/:app", soon, s.metrics.webhook(fromMeta, p.Real, s.handshake))
	hooks.Post("/meta/:app", s.metaCaller, s.bodies.read(byApp), soon, s.metrics.webhook(fromMeta, p.Real, s.meta))
	hooks.Post("/gupshup/:channel", s.gupshupCaller, s.bodies.read(s.byChannel), soon, s.metrics.webhook(fromGupshup, p.Real, s.gupshup))
	hooks.Post("/crm/:tenant", s.bodies.read(byCRM), soon, s.metrics.webhook(fromCRM, p.Real, s.crm))

	backend := app.Group("/backend", s.authenticated, s.rateLimited, s.bodies.read(byTenant), within(p.Timeouts.Backend))
	s.leadRoutes(backend)
	s.configRoutes(backend)
	s.runRoutes(backend)

	app.Post("/:version/:number/messages",
		graphVersion, s.authenticated, s.bodies.read(byTenant), within(p.Timeouts.Messages), s.send)
	return app
}

// publicLimit returns how large a body may be at a path, in bytes. If the path stands in a whole
// URL, as proxies write it, the larger limit holds until the route is known.
func publicLimit(path string) int {
	if strings.HasPrefix(path, "/") && (!strings.HasPrefix(path, "/webhooks/") || strings.HasPrefix(path, "/webhooks/crm/")) {
		return bodyLimit
	}
	return webhookLimit
}

// graphPath matches the paths of a Cloud API client. messagesPath also matches the path of a client
// with a wrong version.
var (
	graphPath    = regexp.MustCompile(`^/v\d+\.\d+/`)
	messagesPath = regexp.MustCompile(`^/[^/]+/[^/]+/messages/?$`)
)

// onError answers an error in the way that the caller expects. It is also called for requests that
// never came to a route.
func (s *public) onError(c *fiber.Ctx, err error) error {
	s.metrics.unrouted(c, err)
	path := c.Path()
	switch {
	case graphPath.MatchString(path):
		return answerGraph(c, err)
	case strings.HasPrefix(path, "/webhooks/") && !strings.HasPrefix(path, "/webhooks/crm/"):
		return s.answerWebhook(c, err)
	case area(path) == otherArea && messagesPath.MatchString(path):
		return answerGraph(c, err)
	}
	f := asFault(err)
	s.logFailure(c.UserContext(), area(path), f, err)
	return answer(c, f)
}

// otherArea is the area of paths that have none.
const otherArea = "other"

// area returns the area of a path for the log, because the ids in a path must not be logged.
func area(path string) string {
	switch first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/"); first {
	case "backend", "webhooks":
		return first
	}
	return otherArea
}

// logFailure logs failures that are not the caller's doing. A panic has been logged where it was
// caught. errBusy is left out, so that a caller who sends too much does not fill the log too.
func (s *public) logFailure(ctx context.Context, where string, f *fault.Error, err error) {
	if f.Code == fault.Unavailable && !errors.Is(err, errPanic) && !errors.Is(err, errBusy) {
		s.log.WarnContext(ctx, "request failed", "area", where, "err", err)
	}
}
