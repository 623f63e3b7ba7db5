package server

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"wagate/followup"
	"wagate/gateway/internal/fault"
	"wagate/gateway/internal/webhook"
)

// What a handler takes out of a request lives in buffers that Fiber reuses for the next request. So
// everything that is handed on is copied here, and nowhere else.

// body returns the body as received. It was read into memory of its own (body.go), which is the
// only copy: it may be used after the request, although the webhooks do not do that. Fiber's own
// ways to the body read what is left of it without any limit, and must not be used.
func body(c *fiber.Ctx) []byte {
	b, _ := c.Locals(bodyLocal{}).([]byte)
	return b
}

// header returns a copy of a header's value.
func header(c *fiber.Ctx, name string) string { return strings.Clone(c.Get(name)) }

// headers returns a function that returns copies of header values. It may be used until the request
// ends.
func headers(c *fiber.Ctx) webhook.Header {
	return func(name string) string { return header(c, name) }
}

// query returns a copy of a query parameter.
func query(c *fiber.Ctx, name string) string { return strings.Clone(c.Query(name)) }

// param returns a copy of a path parameter, unescaped. It returns "", which is nobody's id, if the
// parameter cannot be unescaped.
func param(c *fiber.Ctx, name string) string {
	s, err := url.PathUnescape(c.Params(name))
	if err != nil {
		return ""
	}
	return strings.Clone(s)
}

// id returns a path parameter that is an id. It returns a UUID in its canonical spelling.
func id(c *fiber.Ctx, name string) string { return followup.CanonicalID(param(c, name)) }

// queryID returns a query parameter that is an id, as id does.
func queryID(c *fiber.Ctx, name string) string { return followup.CanonicalID(query(c, name)) }

// bearer returns a copy of the bearer token, "" if there is none.
func bearer(c *fiber.Ctx) string {
	scheme, token, _ := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.Clone(strings.TrimSpace(token))
}

// The bounds of a page.
const (
	defaultLimit = 50
	maxLimit     = 100
	maxOffset    = 1 << 30
)

// paging reads limit and offset from the query, and records what is wrong with them.
func paging(c *fiber.Ctx, problems *fault.Problems) (limit, offset int) {
	limit = number(c, "limit", defaultLimit, 1, maxLimit, problems)
	offset = number(c, "offset", 0, 0, maxOffset, problems)
	return limit, offset
}

func number(c *fiber.Ctx, name string, absent, least, most int, problems *fault.Problems) int {
	s := c.Query(name)
	if s == "" {
		return absent
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		problems.Add(name, "must be a whole number from %d to %d", least, most)
	}
	return n
}
