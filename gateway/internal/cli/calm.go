package cli

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"
)

// The bounds of calm: how many warnings with one message a period may have, and how many of them may
// say the same.
const (
	calmPeriod = time.Minute
	calmMost   = 60
	calmAlike  = 5
)

// calm is a handler that lets no trouble fill the log: a Redis that is away fails every request,
// thousands a second, and each says so. Of warnings that say the same some are enough, and what
// comes behind tells with left_out how many were not written. Warnings say the same if they differ
// in digits only, as ports do. What is less than a warning is seldom or was asked for; an error is of
// something that nobody else tells of.
type calm struct {
	slog.Handler

	said *said
	with string // the attributes that every record has
}

func newCalm(h slog.Handler) *calm { return &calm{Handler: h, said: &said{of: map[string]*spell{}}} }

// Handle implements slog.Handler.
func (c *calm) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn || r.Level >= slog.LevelError {
		return c.Handler.Handle(ctx, r)
	}
	text := strings.Builder{}
	text.WriteString(c.with)
	r.Attrs(func(a slog.Attr) bool {
		text.WriteString(a.String())
		return true
	})
	before, ok := c.said.again(r.Time, r.Message, digitless(text.String()))
	if !ok {
		return nil
	}
	if before > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("left_out", before))
	}
	return c.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (c *calm) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := strings.Builder{}
	with.WriteString(c.with)
	for _, a := range attrs {
		with.WriteString(a.String())
	}
	return &calm{Handler: c.Handler.WithAttrs(attrs), said: c.said, with: with.String()}
}

// WithGroup implements slog.Handler.
func (c *calm) WithGroup(name string) slog.Handler {
	return &calm{Handler: c.Handler.WithGroup(name), said: c.said, with: c.with}
}

func digitless(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, s)
}

// said knows what was written lately, by message: these are constants of the program, so there are few.
type said struct {
	mu sync.Mutex
	of map[string]*spell
}

// spell is one message's period.
type spell struct {
	began   time.Time
	written int
	alike   map[string]int // by text; no more of them than were written
	leftOut int            // that no record has told of
}

// again reports whether a record may be written, and how many before it were not.
func (s *said) again(at time.Time, message, text string) (leftOut int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.of[message]
	if m == nil {
		m = &spell{alike: map[string]int{}}
		s.of[message] = m
	}
	if passed := at.Sub(m.began); passed < 0 || passed >= calmPeriod {
		m.began, m.written = at, 0
		clear(m.alike)
	}
	if m.written == calmMost || m.alike[text] == calmAlike {
		m.leftOut++
		return 0, false
	}
	m.written++
	m.alike[text]++
	leftOut, m.leftOut = m.leftOut, 0
	return leftOut, true
}
