package cli

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"
)

// The bounds of calm: in one period it writes at most calmMost warnings with the same message, and
// at most calmAlike that are alike.
const (
	calmPeriod = time.Minute
	calmMost   = 60
	calmAlike  = 5
)

// calm is a slog.Handler that limits repeated warnings, so that no trouble fills the log: while
// Redis cannot be reached, every request fails, thousands per second, and each logs a warning. A few
// of them are enough. The next record with the same message that is written has the attribute
// left_out: how many before it were not. Warnings are alike if they have the same message and their
// attributes differ in digits only, as in port numbers. Records of other levels pass unchanged:
// those below a warning are rare or were asked for, and an error may be the only sign of what it
// reports.
type calm struct {
	slog.Handler

	said *said
	with string // the attributes from WithAttrs, which every record has
}

func newCalm(h slog.Handler) *calm { return &calm{Handler: h, said: &said{of: map[string]*period{}}} }

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
	before, ok := c.said.allow(r.Time, r.Message, digitless(text.String()))
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

// said counts what was written in each message's period. Messages are constants of the program, so
// there are few.
type said struct {
	mu sync.Mutex
	of map[string]*period
}

// period is one message's current period.
type period struct {
	began   time.Time
	written int
	alike   map[string]int // how many were written, by text; it has at most calmMost entries
	leftOut int            // how many were left out and not reported yet
}

// allow reports whether a record may be written and, if so, how many before it were left out. text
// is the record's attributes without digits.
func (s *said) allow(at time.Time, message, text string) (leftOut int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.of[message]
	if m == nil {
		m = &period{alike: map[string]int{}}
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
