package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"wagate/followup/rescue"
)

// The limits of a request. A header or body that trickles in holds a connection no longer than its
// time-out.
const (
	webhookLimit = 4 << 20   // bytes; Meta sends up to 3 MB
	bodyLimit    = 256 << 10 // bytes, everywhere else
	headerLimit  = 16 << 10
	writeTimeout = 30 * time.Second
	idleTimeout  = 75 * time.Second
)

var (
	errDeadline = errors.New("server: request took too long")
	errPanic    = errors.New("server: handler panicked")
)

// appParams is what differs between the two apps.
type appParams struct {
	limit         limit
	header, write time.Duration // time-outs
	onError       fiber.ErrorHandler
	log           *slog.Logger
}

// newApp returns an app without routes, set up with what all routes share.
func newApp(p appParams) *fiber.App {
	app := fiber.New(fiber.Config{
		// Immutable stays off; input.go says where things are copied.
		ServerHeader:                 "",   // tell nobody what to look for
		StreamRequestBody:            true, // so that we decide what is read, and when
		BodyLimit:                    webhookLimit,
		ReadBufferSize:               headerLimit,
		ReadTimeout:                  p.header,
		WriteTimeout:                 p.write,
		IdleTimeout:                  idleTimeout,
		CaseSensitive:                true,
		DisableStartupMessage:        true,
		DisablePreParseMultipartForm: true, // bodies are read as bytes
		ErrorHandler:                 p.onError,
		JSONEncoder:                  json.Marshal,
		JSONDecoder:                  json.Unmarshal,
	})
	attach(app, p.limit)
	app.Use(recovered(p.log), notTooLarge, plainBody)
	return app
}

// recovered turns a panic into an error without details; the log has the details.
func recovered(log *slog.Logger) fiber.Handler {
	return func(c *fiber.Ctx) (err error) {
		if !rescue.Call(log, "handler panicked", func() { err = c.Next() }) {
			return errPanic
		}
		return err
	}
}

// plainBody refuses compressed bodies.
func plainBody(c *fiber.Ctx) error {
	if e := c.Get(fiber.HeaderContentEncoding); e != "" && !strings.EqualFold(e, "identity") {
		return fiber.ErrUnsupportedMediaType
	}
	return c.Next()
}

// within gives the request's context a deadline.
func within(d time.Duration) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx, cancel := context.WithTimeoutCause(c.UserContext(), d, errDeadline)
		defer cancel()
		c.SetUserContext(ctx)
		return c.Next()
	}
}
