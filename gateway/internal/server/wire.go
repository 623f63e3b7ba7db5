package server

import (
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// A connection can carry another request only if the last one's body was read to its end: the rest
// of it would be taken for the next request. fasthttp streams bodies and leaves that to us.

// limit returns how large a body may be at a path, in bytes.
type limit func(path string) int

// smallBody is how many bytes of a body fasthttp reads with the header, unless the body is chunked.
const smallBody = 8 << 10

// attach makes the app's server close every connection whose request was not read to its end. It
// also makes the server refuse by the header alone what the header declares too large.
func attach(app *fiber.App, most limit) {
	s := app.Server()
	s.HeaderReceived = func(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
		refuseLarge(h, most)
		return fasthttp.RequestConfig{}
	}
	handle, fail := s.Handler, s.ErrorHandler
	s.Handler = func(ctx *fasthttp.RequestCtx) {
		handle(ctx)
		if !fullyRead(ctx) {
			ctx.SetConnectionClose()
			markUnread(ctx.Conn())
		}
	}
	s.ErrorHandler = func(ctx *fasthttp.RequestCtx, err error) {
		markUnread(ctx.Conn())
		fail(ctx, err)
	}
}

// fullyRead reports whether nothing of the request is left on the connection.
func fullyRead(ctx *fasthttp.RequestCtx) bool {
	stream, size := ctx.RequestBodyStream(), ctx.Request.Header.ContentLength()
	switch {
	case isRefused(&ctx.Request.Header):
		return false
	case stream == nil, ctx.UserValue(bodyLocal{}) != nil:
		return true
	}
	return size >= 0 && size <= smallBody
}

// refused marks a request that is to be refused by its header alone. fasthttp reads the beginning
// of a body, and answers Expect: 100-continue, before it calls any handler of ours. So the mark
// must be in the header, in place of the expectation. A client that sends the mark itself is
// refused too.
const refused = "413"

func refuseLarge(h *fasthttp.RequestHeader, most limit) {
	if size := h.ContentLength(); size > bodyLimit && size > most(string(h.RequestURI())) {
		h.Set(fiber.HeaderExpect, refused)
		h.SetContentLength(0) // so that nothing of the body is read
	}
}

func isRefused(h *fasthttp.RequestHeader) bool { return string(h.Peek(fiber.HeaderExpect)) == refused }

// notTooLarge refuses the requests that were marked.
func notTooLarge(c *fiber.Ctx) error {
	if isRefused(&c.Context().Request.Header) {
		return fiber.ErrRequestEntityTooLarge
	}
	return c.Next()
}
