package server

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/gofiber/fiber/v2/middleware/pprof"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"wagate/followup"
	"wagate/gateway/internal/fault"
	"wagate/providers/secret"
)

// The time-outs of the admin listener. A profile may run for a minute.
const (
	adminWriteTimeout = 2 * time.Minute
	adminTimeout      = time.Minute
)

// AdminParams is what the admin listener serves.
type AdminParams struct {
	// Tokens guard the operator's API and the profiles; any of them lets a caller in. Without
	// tokens the listener must be on loopback.
	Tokens    []string
	Gatherer  prometheus.Gatherer
	Checks    []Check
	Operator  Operator
	Runs      Runs
	Directory *followup.Directory
	// Replayed is called after a dead letter went back to its queue, so that a sleeping worker
	// looks again. May be nil.
	Replayed func()
	// Real returns real time. Default: time.Now.
	Real   func() time.Time
	Logger *slog.Logger
}

type admin struct {
	AdminParams
	health *health
	log    *slog.Logger
}

// Admin returns the app of the admin listener: metrics, health, profiles, and the operator's API.
func Admin(p AdminParams) *fiber.App {
	if p.Real == nil {
		p.Real = time.Now
	}
	if p.Replayed == nil {
		p.Replayed = func() {}
	}
	s := &admin{AdminParams: p, health: newHealth(p.Checks, p.Real), log: p.Logger.With("component", "admin")}
	times := Timeouts{}.withDefaults()
	most := func(string) int { return bodyLimit }
	app := newApp(appParams{limit: most, header: times.Header, write: adminWriteTimeout, onError: s.onError, log: s.log})
	// The handlers of net/http would read the body anyway, and without a limit.
	app.Use(newBodies(most, times.Body, bodyBudget, nil).read(nil))

	app.Get("/livez", func(c *fiber.Ctx) error { return c.SendString("ok") })
	app.Get("/readyz", s.readyz)
	app.Get("/metrics", adaptor.HTTPHandler(promhttp.HandlerFor(p.Gatherer, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, // some of the metrics tell more than none
		// No Timeout: it would wait on the request's context in a goroutine of its own, and
		// fasthttp uses that context again as soon as the request is answered. Collectors that call
		// other systems bound these calls themselves.
	})))
	app.Use("/debug", s.authorized)
	app.Use(pprof.New())

	api := app.Group("/api", s.authorized, within(adminTimeout))
	s.deadRoutes(api)
	s.controlRoutes(api)
	return app
}

// authorized lets in a caller who has a token. If there are no tokens, it lets in every caller that
// is not a web page. A page whose name was made to point to this machine (DNS rebinding) need not
// send an Origin, but its requests carry that name as their Host.
func (s *admin) authorized(c *fiber.Ctx) error {
	if len(s.Tokens) == 0 {
		if c.Get(fiber.HeaderOrigin) != "" || !loopback(string(c.Context().Request.Header.Host())) {
			return fiber.ErrForbidden
		}
		return c.Next()
	}
	if !secret.Presented(s.Tokens, bearer(c)) {
		return fault.New(fault.Unauthorized, "the admin token is missing or not valid")
	}
	return c.Next()
}

// loopback reports whether a Host names this machine, by a loopback address or as localhost.
// Without a token the listener has no other address.
func loopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	a, err := netip.ParseAddr(name)
	return strings.EqualFold(name, "localhost") || err == nil && a.Unmap().IsLoopback()
}

func (s *admin) onError(c *fiber.Ctx, err error) error {
	f := asFault(err)
	if f.Code == fault.Unavailable && !errors.Is(err, errPanic) {
		s.log.WarnContext(c.UserContext(), "request failed", "area", "api", "err", err)
	}
	return answer(c, f)
}

func (s *admin) readyz(c *fiber.Ctx) error {
	r := s.health.check(c.UserContext())
	if !r.Ready {
		c.Status(http.StatusServiceUnavailable)
	}
	return c.JSON(r)
}
