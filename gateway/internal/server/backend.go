package server

import (
	"github.com/gofiber/fiber/v2"

	"wagate/followup"
	"wagate/gateway/internal/fault"
)

// The Locals of a request with an API key.
type (
	tenantLocal struct{}
	keyLocal    struct{}
)

// authenticated finds the tenant whose key the request carries. It refuses a request without a
// valid key.
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

// rateLimited refuses requests that exceed the rate of their key.
func (s *public) rateLimited(c *fiber.Ctx) error {
	key, _ := c.Locals(keyLocal{}).(Digest)
	wait, ok := s.limiter.take(key)
	if !ok {
		return &fault.Error{Code: fault.RateLimited, Message: "too many requests with this key", RetryAfter: wait}
	}
	return c.Next()
}

// tenantOf returns the tenant that authenticated found. Otherwise it returns the zero value, which
// owns nothing, so a route that forgot to authenticate shows nothing.
func tenantOf(c *fiber.Ctx) followup.TenantID {
	t, _ := c.Locals(tenantLocal{}).(followup.TenantID)
	return t
}
