package cli

import (
	"bytes"
	"context"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"wagate/config"
)

// journal writes records at instants of its own.
type journal struct {
	t       *testing.T
	handler *calm
	out     *bytes.Buffer
	at      time.Time
}

func newJournal(t *testing.T) *journal {
	t.Helper()
	var out bytes.Buffer
	return &journal{t, newCalm(slog.NewTextHandler(&out, nil)), &out, time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
}

// write writes a record so often, and returns what came of it.
func (j *journal) write(h slog.Handler, times int, level slog.Level, message string, args ...any) []string {
	j.t.Helper()
	j.out.Reset()
	for range times {
		r := slog.NewRecord(j.at, level, message, 0)
		r.Add(args...)
		if err := h.Handle(j.t.Context(), r); err != nil {
			j.t.Fatal(err)
		}
	}
	return strings.Split(strings.TrimSuffix(j.out.String(), "\n"), "\n")
}

// TestRepeatedWarningsAreLimited: a trouble that every request meets is told some times a minute, and
// how often it was not; others are told beside it.
func TestRepeatedWarningsAreLimited(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	if got := j.write(j.handler, 1000, slog.LevelWarn, "request failed", "err", "no redis"); len(got) != calmAlike {
		t.Errorf("a thousand that say the same: got %d lines, want %d", len(got), calmAlike)
	}
	got := j.write(j.handler, 1, slog.LevelWarn, "request failed", "err", "another")
	if len(got) != 1 || !strings.HasSuffix(got[0], "err=another left_out=995") {
		t.Errorf("another trouble beside it: got %q, want it told, and how many were left out", got)
	}
	part := j.handler.WithAttrs([]slog.Attr{slog.String("component", "b")})
	if got := j.write(part, 1, slog.LevelWarn, "request failed", "err", "no redis"); !strings.Contains(got[0], "component=b") {
		t.Errorf("the same of another part: got %q, want it told", got)
	}
	j.at = j.at.Add(calmPeriod - 1)
	if got := j.write(j.handler, 1, slog.LevelWarn, "request failed", "err", "no redis"); got[0] != "" {
		t.Errorf("within the period: got %q, want nothing", got)
	}
	j.at = j.at.Add(1)
	if got := j.write(j.handler, 1, slog.LevelWarn, "request failed", "err", "no redis"); !strings.HasSuffix(got[0], "left_out=1") {
		t.Errorf("in the next period: got %q, want it told again, and of the one between", got)
	}
	j.at = j.at.Add(-time.Hour)
	if got := j.write(j.handler, calmAlike+1, slog.LevelWarn, "request failed", "err", "no redis"); len(got) != calmAlike {
		t.Errorf("by a clock that was set back: got %d lines, want %d", len(got), calmAlike)
	}
}

func TestWarningsAlikeAreLimited(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	written := 0
	for n := range 1000 {
		if j.write(j.handler, 1, slog.LevelWarn, "a", "err", "read 127.0.0.1:"+strconv.Itoa(n))[0] != "" {
			written++
		}
	}
	if written != calmAlike {
		t.Errorf("only a port differs: got %d lines, want %d", written, calmAlike)
	}
	written = 0
	for n := range 1000 {
		if j.write(j.handler, 1, slog.LevelWarn, "b", "run", strings.Repeat("x", n))[0] != "" {
			written++
		}
	}
	if written != calmMost {
		t.Errorf("each is another: got %d lines, want %d", written, calmMost)
	}
	if got := len(j.handler.said.of["b"].alike); got > calmMost {
		t.Errorf("got %d texts remembered, want %d at most", got, calmMost)
	}
}

// TestOtherLevelsAreWritten: what an operator has to know, and what he asked for.
func TestOtherLevelsAreWritten(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelError} {
		if got := j.write(j.handler.WithGroup("g"), 2*calmMost, level, "m"); len(got) != 2*calmMost {
			t.Errorf("%v: got %d lines, want all %d", level, len(got), 2*calmMost)
		}
	}
	j.write(j.handler, 1, slog.LevelWarn, "m")
	if got := j.write(j.handler.WithGroup("g"), 2*calmMost, slog.LevelWarn, "m"); len(got) != calmAlike-1 {
		t.Errorf("warnings of a group: got %d lines, want %d with the one before", len(got), calmAlike-1)
	}
}

// TestServeLimitsRepeatedWarnings: in either format.
func TestServeLimitsRepeatedWarnings(t *testing.T) {
	t.Parallel()
	p := Program{Serve: func(_ context.Context, _ config.Config, log *slog.Logger) error {
		for range 100 {
			log.With("component", "server").Warn("request failed")
		}
		return nil
	}}
	for _, format := range []string{formatText, formatJSON} {
		got := execute(t, p, environment{"WAGATE_LOG_FORMAT": format}, "serve", "-config", writeFile(t, goodFile))
		if n := strings.Count(got.stderr, "request failed"); n < 1 || n > 2*calmAlike {
			t.Errorf("%s: got %d lines, want some", format, n)
		}
	}
}
