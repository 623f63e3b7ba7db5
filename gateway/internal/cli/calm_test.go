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

// journal writes log records through a calm handler, at times that the test sets.
type journal struct {
	t       *testing.T
	handler *calm
	out     *bytes.Buffer
	at      time.Time // of the next records
}

func newJournal(t *testing.T) *journal {
	t.Helper()
	var out bytes.Buffer
	return &journal{t, newCalm(slog.NewTextHandler(&out, nil)), &out, time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
}

// write writes a record several times to h, and returns the lines that were logged; a single empty
// one means none.
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

// TestRepeatedWarningsAreLimited: of many warnings that are alike, calmAlike are written in a
// period. The next record with the same message that is written says how many were left out.
// Warnings that are not alike are written beside them.
func TestRepeatedWarningsAreLimited(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	if got := j.write(j.handler, 1000, slog.LevelWarn, "request failed", "err", "no redis"); len(got) != calmAlike {
		t.Errorf("a thousand alike: got %d lines, want %d", len(got), calmAlike)
	}
	got := j.write(j.handler, 1, slog.LevelWarn, "request failed", "err", "another")
	if len(got) != 1 || !strings.HasSuffix(got[0], "err=another left_out=995") {
		t.Errorf("another error: got %q, want it written with left_out=995", got)
	}
	part := j.handler.WithAttrs([]slog.Attr{slog.String("component", "b")})
	if got := j.write(part, 1, slog.LevelWarn, "request failed", "err", "no redis"); !strings.Contains(got[0], "component=b") {
		t.Errorf("same warning from another component: got %q, want it written", got)
	}
	j.at = j.at.Add(calmPeriod - 1)
	if got := j.write(j.handler, 1, slog.LevelWarn, "request failed", "err", "no redis"); got[0] != "" {
		t.Errorf("one more alike at the end of the period: got %q, want nothing written", got)
	}
	j.at = j.at.Add(1)
	if got := j.write(j.handler, 1, slog.LevelWarn, "request failed", "err", "no redis"); !strings.HasSuffix(got[0], "left_out=1") {
		t.Errorf("in the next period: got %q, want it written with left_out=1", got)
	}
	j.at = j.at.Add(-time.Hour)
	if got := j.write(j.handler, calmAlike+1, slog.LevelWarn, "request failed", "err", "no redis"); len(got) != calmAlike {
		t.Errorf("after the clock was set back: got %d lines, want %d", len(got), calmAlike)
	}
}

// TestWarningsAlikeAreLimited: warnings that differ only in digits are alike. Of warnings with one
// message that are not alike, at most calmMost are written in a period, and no more are remembered.
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
		t.Errorf("a thousand that differ in a port: got %d lines, want %d", written, calmAlike)
	}
	written = 0
	for n := range 1000 {
		if j.write(j.handler, 1, slog.LevelWarn, "b", "run", strings.Repeat("x", n))[0] != "" {
			written++
		}
	}
	if written != calmMost {
		t.Errorf("a thousand that are not alike: got %d lines, want %d", written, calmMost)
	}
	if got := len(j.handler.said.of["b"].alike); got > calmMost {
		t.Errorf("texts remembered: got %d, want at most %d", got, calmMost)
	}
}

// TestOtherLevelsAreWritten: records below and above the level of a warning are all written.
// Warnings of a group count together with those outside it.
func TestOtherLevelsAreWritten(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelError} {
		if got := j.write(j.handler.WithGroup("g"), 2*calmMost, level, "m"); len(got) != 2*calmMost {
			t.Errorf("level %v: got %d lines, want all %d", level, len(got), 2*calmMost)
		}
	}
	j.write(j.handler, 1, slog.LevelWarn, "m")
	if got := j.write(j.handler.WithGroup("g"), 2*calmMost, slog.LevelWarn, "m"); len(got) != calmAlike-1 {
		t.Errorf("warnings of a group: got %d lines, want %d, as one was written before", len(got), calmAlike-1)
	}
}

// TestServeLimitsRepeatedWarnings: the log of serve limits repeated warnings in either format.
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
			t.Errorf("format %s: got %d lines, want 1 to %d", format, n, 2*calmAlike)
		}
	}
}
