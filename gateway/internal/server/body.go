package server

import (
	"errors"
	"io"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// The memory that bodies may take up. The budget (budget.go) is for all of them together. A body of
// at most freeBody bytes is not charged to it, so the usual webhook, of one or two kilobytes, gets
// through even if somebody uses the budget up. The number of connections bounds the memory of
// uncharged bodies.
const (
	freeBody   = 16 << 10
	bodyGrowth = 16 // a full buffer grows to this many times its size
	bodyBudget = 64 << 20
)

// errBusy reports that the bodies in flight have used up their budget, or that those of one source
// have used up its share.
var errBusy = errors.New("server: too many large bodies at once")

// bodies reads the bodies of requests and bounds the memory that they take up together.
type bodies struct {
	limit   limit
	timeout time.Duration // of one body
	budget  *budget
	trusted proxies
}

func newBodies(l limit, timeout time.Duration, budget int, trusted proxies) *bodies {
	return &bodies{limit: l, timeout: timeout, budget: newBudget(budget), trusted: trusted}
}

// bodyLocal is the Local in which the handlers find the body.
type bodyLocal struct{}

// read returns a handler that reads the body for the handlers behind it, and charges it to the
// sources that to names. The handler stands behind everything that can refuse a caller by the
// header alone. Until it is reached, nothing is read except what came along with the header.
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

// buffer is one body as it arrives. It grows with what has arrived, not with what was announced: an
// announcement costs its sender nothing.
type buffer struct {
	bodies *bodies
	c      *fiber.Ctx
	to     charge
	from   []share // whom the body is charged to; set once it is large
	bytes  []byte
}

func (b *buffer) release() {
	if n := cap(b.bytes); n > freeBody {
		b.bodies.budget.give(n, b.from)
	}
}

// take charges n bytes to the sources of the body, unless that many are free. It reports whether
// there was room.
func (b *buffer) take(n int) bool {
	if n <= freeBody {
		return true
	}
	if b.from == nil {
		b.from = b.to.shares(b.c, b.bodies.trusted)
	}
	return b.bodies.budget.take(n, b.from)
}

// fill reads the whole body of a request; most is its limit in bytes.
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
	_ = ctx.Conn().SetReadDeadline(deadline) // if the connection is gone, reading says so
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
			return bodyError(deadline)
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

// grow makes room for more of the body, up to size. It reports whether the budget allowed that.
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

// bodyError returns the error for a body that did not arrive. It goes by the deadline, because the
// read error of a chunked body does not say whether the time was over or the client hung up.
func bodyError(deadline time.Time) error {
	if time.Now().Before(deadline) {
		return fiber.ErrBadRequest
	}
	return fiber.ErrRequestTimeout
}
