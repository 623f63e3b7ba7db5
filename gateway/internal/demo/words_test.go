package demo

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// TestStamp: the story begins at 9 in the morning of day 1, whatever time it is when the demo
// starts. Times before day 1 are told as its first minute.
func TestStamp(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 3, 2, 22, 17, 30, 0, time.UTC)
	cal := calendar{begin}
	for after, want := range map[time.Duration]string{
		0:                          "day 1 09:00",
		30 * time.Minute:           "day 1 09:30",
		15*time.Hour - time.Second: "day 1 23:59",
		15 * time.Hour:             "day 2 00:00",
		240 * time.Hour:            "day 11 09:00",
		-time.Minute:               "day 1 08:59",
		-24 * time.Hour:            "day 1 00:00",
	} {
		if got := cal.stamp(begin.Add(after)); got != want {
			t.Errorf("after %v: got %q, want %q", after, got, want)
		}
	}
}

// TestSpoken: durations are told in hours and minutes, and 24 hours as a day.
func TestSpoken(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		30 * time.Minute: "30 min", 2 * time.Hour: "2 h", 24 * time.Hour: "1 day", 90 * time.Minute: "1 h 30 min",
	} {
		if got := spoken(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

// TestMetricsSum: sum adds the series of exactly this name that have all the labels.
func TestMetricsSum(t *testing.T) {
	t.Parallel()
	m := metrics{
		`a_total{kind="ai",outcome="sent"}`: 2, `a_total{kind="none",outcome="sent"}`: 3,
		`a_total{kind="ai",outcome="unsent"}`: 4, `a_total_seconds`: 5, `a_other{outcome="sent"}`: 6, `b`: 7,
	}
	for _, tt := range []struct {
		name   string
		labels []string
		want   int
	}{
		{"a_total", nil, 9},
		{"a_total", []string{label("outcome", "sent")}, 5},
		{"a_total", []string{label("kind", "ai")}, 6},
		{"a_total", []string{label("kind", "ai"), label("outcome", "sent")}, 2},
		{"a_total", []string{label("ind", "ai")}, 0},
		{"b", nil, 7},
		{"c", nil, 0},
	} {
		if got := m.sum(tt.name, tt.labels...); got != tt.want {
			t.Errorf("%s%v: got %d, want %d", tt.name, tt.labels, got, tt.want)
		}
	}
}

// TestMasked: at most the last four digits of a phone are shown.
func TestMasked(t *testing.T) {
	t.Parallel()
	for phone, want := range map[string]string{"12025550101": "+…0101", "101": "+…", "": "+…"} {
		if got := masked(phone); got != want {
			t.Errorf("%q: got %q, want %q", phone, got, want)
		}
	}
}

// TestNoColourInFile: the story has no colours if it is written to a file.
func TestNoColourInFile(t *testing.T) {
	t.Parallel()
	f, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	n := newNarrator(f)
	n.begins(time.Unix(0, 0))
	n.tell(time.Unix(0, 0), red, "bot", "says %s", quote("a\nb "+strings.Repeat("c", 200)))
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	want := "  day 1 09:00  bot              says “a b " + strings.Repeat("c", 95) + "…”\n"
	if string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if got := (&narrator{colour: true}).paint(red, "x"); got != red+"x"+reset {
		t.Errorf("paint with colours on: got %q, want it red", got)
	}
}

// TestTableLinesUp: columns line up by characters and not by bytes.
func TestTableLinesUp(t *testing.T) {
	t.Parallel()
	got := strings.Join(table([][]string{{"a", "bb", "c"}, {"äöü", "b", "—"}}), "\n")
	if want := "  a    bb  c\n  äöü  b   —"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
