package server

import (
	"github.com/gofiber/fiber/v2"

	"wagate/followup"
	"wagate/gateway/internal/fault"
)

// Locals of a request with an API key.
type (
	tenantLocal struct{}
	keyLocal    struct{}
)

// authenticated finds out whose key the request carries.
func (s *public) authenticated(c *fiber.Ctx) error {
	token := bearer(c)
	tenant, ok := s.Keys.Tenant(token)
	if !ok {
		return fault.New(fault.Unauthorized, "the API key is missing or not valid")
	}
	c.Locals(tenantLocal{}, tenant)
	c.Locals(keyLocal{}, DigestOf(token))
	return c.Next()
}

// limited holds a key to its rate.
func (s *public) limited(c *fiber.Ctx) error {
	key, _ := c.Locals(keyLocal{}).(Digest)
	wait, ok := s.limiter.take(key)
	if !ok {
		return &fault.Error{Code: fault.RateLimited, Message: "too many requests with this key", RetryAfter: wait}
	}
	return c.Next()
}

// tenantOf returns the tenant that authenticated found. The zero value owns
// nothing, so a route that forgot to authenticate shows nothing.
func tenantOf(c *fiber.Ctx) followup.TenantID {
	t, _ := c.Locals(tenantLocal{}).(followup.TenantID)
	return t
}
