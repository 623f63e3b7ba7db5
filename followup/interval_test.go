package followup

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// ParseInterval accepts weeks, days, hours, minutes and seconds, from 30 minutes to 365 days.
func TestParseIntervalAccepts(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	tests := map[string]time.Duration{
		"PT30M": 30 * time.Minute, "PT1800S": 30 * time.Minute, "PT29M60S": 30 * time.Minute,
		"PT2H": 2 * time.Hour, "PT23H59M": day - time.Minute, "PT24H": day, "P1D": day,
		"P1DT12H": 36 * time.Hour, "P1W": 7 * day, "P1W2D": 9 * day, "P1WT1S": 7*day + time.Second,
		"P0DT45M": 45 * time.Minute, "P01D": day, "PT1H2M3S": time.Hour + 2*time.Minute + 3*time.Second,
		"P365D": 365 * day, "P52W1D": 365 * day, "PT8760H": 365 * day, "PT000000000000000000000000000030M": 30 * time.Minute,
	}
	for in, want := range tests {
		if got, err := ParseInterval(in); err != nil || got != want {
			t.Errorf("ParseInterval(%q): got %v, %v, want %v", in, got, err, want)
		}
	}
}

// ParseInterval says why it refuses an interval: syntax, calendar units, fractions or
// signs, too short, or too long.
func TestParseIntervalRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]error{
		"": ErrIntervalSyntax, "P": ErrIntervalSyntax, "PT": ErrIntervalSyntax, "P1DT": ErrIntervalSyntax,
		"T30M": ErrIntervalSyntax, "30M": ErrIntervalSyntax, "PT30": ErrIntervalSyntax, "P1": ErrIntervalSyntax,
		"PT30Mx": ErrIntervalSyntax, " PT30M": ErrIntervalSyntax, "PT30M ": ErrIntervalSyntax, "PT30M\n": ErrIntervalSyntax,
		"pt30m": ErrIntervalSyntax, "PT30m": ErrIntervalSyntax, "Pt30M": ErrIntervalSyntax,
		"PTT30M": ErrIntervalSyntax, "PT30MT1S": ErrIntervalSyntax, "PH": ErrIntervalSyntax, "PTM": ErrIntervalSyntax,
		"P1D1D": ErrIntervalSyntax, "PT1H1H": ErrIntervalSyntax, "P1D1W": ErrIntervalSyntax, "PT30M1H": ErrIntervalSyntax,
		"PT1S30M": ErrIntervalSyntax, "P2H": ErrIntervalSyntax, "PT1D": ErrIntervalSyntax, "PT1W": ErrIntervalSyntax,
		"1 day": ErrIntervalSyntax, "24h": ErrIntervalSyntax, "PT٣٠M": ErrIntervalSyntax, "P1DPT1H": ErrIntervalSyntax,
		"P1Y": ErrIntervalCalendar, "P1M": ErrIntervalCalendar, "P30M": ErrIntervalCalendar, "P1Y2M3D": ErrIntervalCalendar,
		"P1M1D": ErrIntervalCalendar, "P1MT1H": ErrIntervalCalendar,
		"PT0.5H": ErrIntervalFraction, "PT0,5H": ErrIntervalFraction, "P1.5D": ErrIntervalFraction,
		"-PT30M": ErrIntervalFraction, "+PT30M": ErrIntervalFraction, "PT-30M": ErrIntervalFraction, "P+1D": ErrIntervalFraction,
		"PT29M": ErrIntervalShort, "PT29M59S": ErrIntervalShort, "PT0S": ErrIntervalShort, "P0D": ErrIntervalShort, "PT1799S": ErrIntervalShort,
		"P366D": ErrIntervalLong, "P365DT1S": ErrIntervalLong, "P53W": ErrIntervalLong,
		"P99999999999999999999999D": ErrIntervalLong, "PT18446744073709551615S": ErrIntervalLong,
		"P30500568904943W": ErrIntervalLong, "P30500568904944WT1S": ErrIntervalLong,
	}
	for in, want := range tests {
		if got, err := ParseInterval(in); !errors.Is(err, want) {
			t.Errorf("ParseInterval(%q): got %v, %v, want %v", in, got, err, want)
		}
	}
}

// formatDuration writes a duration in days, hours, minutes and whole seconds; a
// negative one counts as zero.
func TestFormatDuration(t *testing.T) {
	t.Parallel()
	tests := map[time.Duration]string{
		0: "PT0S", -time.Hour: "PT0S", time.Second / 2: "PT0S", 30 * time.Minute: "PT30M", 150 * time.Minute: "PT2H30M",
		24 * time.Hour: "P1D", 26*time.Hour + 30*time.Minute: "P1DT2H30M", 168 * time.Hour: "P7D", time.Hour + time.Second: "PT1H1S",
	}
	for in, want := range tests {
		if got := formatDuration(in); got != want {
			t.Errorf("formatDuration(%v): got %q, want %q", in, got, want)
		}
	}
}

// ParseInterval reads what formatDuration writes.
func TestFormatDurationRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := time.Duration(rapid.Int64Range(int64(MinInterval/time.Second), int64(MaxInterval/time.Second)).Draw(t, "s")) * time.Second
		text := formatDuration(want)
		if got, err := ParseInterval(text); err != nil || got != want {
			t.Fatalf("ParseInterval(%q): got %v, %v, want %v", text, got, err, want)
		}
	})
}

// An interval is the sum of its parts, and is accepted if that sum is within the bounds.
func TestParseIntervalAddsParts(t *testing.T) {
	t.Parallel()
	n := rapid.Uint16Range(0, 400)
	rapid.Check(t, func(t *rapid.T) {
		w, d, h, m, s := n.Draw(t, "w"), n.Draw(t, "d"), n.Draw(t, "h"), n.Draw(t, "m"), n.Draw(t, "s")
		want := time.Duration(w)*168*time.Hour + time.Duration(d)*24*time.Hour +
			time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second
		got, err := ParseInterval(fmt.Sprintf("P%dW%dDT%dH%dM%dS", w, d, h, m, s))
		if inside := want >= MinInterval && want <= MaxInterval; inside != (err == nil) || (inside && got != want) {
			t.Fatalf("got %v, %v, want %v", got, err, want)
		}
	})
}

// FuzzParseInterval checks that an accepted interval is within the bounds and has
// only characters of the syntax.
func FuzzParseInterval(f *testing.F) {
	for _, s := range []string{"PT30M", "P1W2DT3H4M5S", "P1M", "PT", "P1DT", "-P1D", "P99999999999999999999W"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseInterval(s)
		if err != nil {
			return
		}
		if d < MinInterval || d > MaxInterval {
			t.Fatalf("ParseInterval(%q): got %v, outside the bounds", s, d)
		}
		if strings.Trim(s, "PTWDHMS0123456789") != "" {
			t.Fatalf("ParseInterval(%q): accepted a character that the syntax does not have", s)
		}
	})
}
