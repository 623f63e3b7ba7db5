package ingest

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2" //nolint:depguard // the other end of the relay

	"wagate/scripts/benches/internal/bench"
	"wagate/scripts/internal/proc"
)

// watch asks the assistant to note when it gets each of Count messages, from number First on. A
// zero watch asks only for what the assistant has so far.
type watch struct{ First, Count int }

// received is what the assistant has got.
type received struct {
	Addr   string
	Events int // number of different events since its start
	// At is when it got each message that it watches for, in Unix nanoseconds; zero: not yet.
	At []int64
}

// assistant takes every delivery.
type assistant struct {
	mu    sync.Mutex
	seen  map[int]bool // by message number; a delivery may come again
	first int
	at    []int64
}

// assist is the role of the assistant.
func assist(in io.Reader, out io.Writer) error {
	a := &assistant{seen: map[int]bool{}}
	app := newServer()
	app.Post(bench.AssistantPath, func(c *fiber.Ctx) error {
		a.take(c.BodyRaw(), time.Now().UnixNano())
		c.Status(http.StatusOK)
		return nil
	})
	addr, err := listen(app)
	if err != nil {
		return err
	}
	return proc.Answer(in, out, func(w watch) (received, error) {
		r := a.answer(w)
		r.Addr = addr
		return r, nil
	})
}

func (a *assistant) answer(w watch) received {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w.Count > 0 {
		a.first, a.at = w.First, make([]int64, w.Count)
	}
	return received{Events: len(a.seen), At: slices.Clone(a.at)}
}

// take notes the messages of a delivery by their ids.
func (a *assistant) take(body []byte, now int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for {
		i := bytes.Index(body, []byte(idPrefix))
		if i < 0 || len(body) < i+len(idPrefix)+idDigits {
			return
		}
		digits := body[i+len(idPrefix):][:idDigits]
		body = body[i+len(idPrefix)+idDigits:]
		n, err := strconv.Atoi(string(digits))
		if err != nil {
			continue
		}
		a.seen[n] = true
		if i := n - a.first; i >= 0 && i < len(a.at) && a.at[i] == 0 {
			a.at[i] = now
		}
	}
}
