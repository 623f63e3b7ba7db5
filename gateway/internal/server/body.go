package server

import (
	"errors"
	"io"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// What bodies may take up. The budget (budget.go) is for all of them together;
// what is free in each keeps the usual webhook, of one or two kilobytes, out of the
// reach of whoever uses it up. The connections bound what is free.
const (
	freeBody   = 16 << 10
	bodyGrowth = 16 // times what is there is room made for
	bodyBudget = 64 << 20
)

// errBusy: the bodies in flight have used up their budget, or those of one source
// its share.
var errBusy = errors.New("server: too many large bodies at once")

// bodies reads the bodies of requests and bounds what they take up together.
type bodies struct {
	limit   limit
	timeout time.Duration // of one body
	budget  *budget
	trusted proxies
}

func newBodies(l limit, timeout time.Duration, budget int, trusted proxies) *bodies {
	return &bodies{limit: l, timeout: timeout, budget: newBudget(budget), trusted: trusted}
}

// bodyLocal is where the handlers find the body.
type bodyLocal struct{}

// read returns the handler that takes the body off the connection, for those
// behind it, and charges it to whom it names. It stands behind whatever can refuse a
// caller by the header alone: until it is reached, no more is read than came along
// with the header.
func (b *bodies) read(to charge) fiber.Handler {
	return func(c *fiber.Ctx) error {
		buf := buffer{bodies: b, c: c, to: to}
		defer buf.release()
		if err := buf.fill(c.Context(), b.limit(c.Path())); err != nil {
			return err
		}
		c.Locals(bodyLocal{}, buf.bytes)
		return c.Next()
	}
}

// buffer is one body as it arrives. It grows with what is there, not with what
// was announced: a header costs its sender nothing.
type buffer struct {
	bodies *bodies
	c      *fiber.Ctx
	to     charge
	from   []share // once it is large: whom it is charged to
	bytes  []byte
}

func (b *buffer) release() {
	if n := cap(b.bytes); n > freeBody {
		b.bodies.budget.give(n, b.from)
	}
}

// take charges n bytes to whoever sends them, if they are not free.
func (b *buffer) take(n int) bool {
	if n <= freeBody {
		return true
	}
	if b.from == nil {
		b.from = b.to.shares(b.c, b.bodies.trusted)
	}
	return b.bodies.budget.take(n, b.from)
}

// fill reads a request's whole body.
func (b *buffer) fill(ctx *fasthttp.RequestCtx, most int) error {
	stream, size := ctx.RequestBodyStream(), ctx.Request.Header.ContentLength()
	if stream == nil {
		return nil
	}
	chunked := size < 0
	if chunked {
		size = most + 1 // if that much comes, it is too much
	}
	if !chunked && size > most {
		return fiber.ErrRequestEntityTooLarge
	}
	deadline := time.Now().Add(b.bodies.timeout)
	_ = ctx.Conn().SetReadDeadline(deadline) // of one that is gone, reading tells
	for len(b.bytes) < size {
		if len(b.bytes) == cap(b.bytes) && !b.grow(size) {
			return errBusy
		}
		n, err := stream.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return broken(deadline)
		}
	}
	switch {
	case len(b.bytes) > most:
		return fiber.ErrRequestEntityTooLarge
	case !chunked && len(b.bytes) < size:
		return fiber.ErrBadRequest // its sender hung up
	}
	return nil
}

// grow makes room for more, up to size.
func (b *buffer) grow(size int) bool {
	room := min(size, max(freeBody, bodyGrowth*cap(b.bytes)))
	if !b.take(room) {
		return false
	}
	more := make([]byte, len(b.bytes), room)
	copy(more, b.bytes)
	b.release()
	b.bytes = more
	return true
}

// broken says why a body did not come. The error of a chunked one does not tell.
func broken(deadline time.Time) error {
	if time.Now().Before(deadline) {
		return fiber.ErrBadRequest
	}
	return fiber.ErrRequestTimeout
}
