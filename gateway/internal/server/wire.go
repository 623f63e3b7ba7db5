package server

import (
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// attach makes the app's server close connections in good order.
func attach(app *fiber.App) {
	s := app.Server()
	fail := s.ErrorHandler
	s.ErrorHandler = func(ctx *fasthttp.RequestCtx, err error) {
		linger(ctx.Conn())
		fail(ctx, err)
	}
}
