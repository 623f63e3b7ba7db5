package followup

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The bounds of a step's interval, both included.
const (
	MinInterval = 30 * time.Minute
	MaxInterval = 365 * 24 * time.Hour
)

// TemplateInterval is the interval from which a step must have a template.
const TemplateInterval = 24 * time.Hour

// The errors of ParseInterval. Their texts are shown to tenants.
var (
	ErrIntervalSyntax   = errors.New("must be an ISO 8601 duration such as PT30M, PT2H, P1DT12H or P1W")
	ErrIntervalCalendar = errors.New("must not have years or months: their length depends on the calendar")
	ErrIntervalFraction = errors.New("must be in whole numbers without fraction or sign")
	ErrIntervalShort    = errors.New("must be at least PT30M")
	ErrIntervalLong     = errors.New("must be at most P365D")
)

// unit is one designator of a duration.
type unit struct {
	designator byte
	seconds    uint64
	clock      bool // comes after the T
}

// units holds the designators in the order in which they must come.
var units = [...]unit{
	{'W', 7 * 24 * 3600, false},
	{'D', 24 * 3600, false},
	{'H', 3600, true},
	{'M', 60, true},
	{'S', 1, true},
}

// ParseInterval parses a step's interval, P[nW][nD][T[nH][nM][nS]]: upper case, whole numbers, at
// least one of them, T only before a time, and the total between MinInterval and MaxInterval. Unlike
// strict ISO 8601 it allows weeks together with other units. A day is exactly 24 hours and a week 168.
//
// The parser is our own because the libraries we know accept what must be refused here (fractions,
// signs, repeated designators) and lose precision.
func ParseInterval(s string) (time.Duration, error) {
	seconds, err := parseSeconds(s)
	switch {
	case err != nil:
		return 0, err
	case seconds < uint64(MinInterval/time.Second):
		return 0, ErrIntervalShort
	case seconds > uint64(MaxInterval/time.Second):
		return 0, ErrIntervalLong
	}
	return time.Duration(seconds) * time.Second, nil
}

func parseSeconds(s string) (uint64, error) {
	rest, ok := strings.CutPrefix(s, "P")
	if !ok {
		return 0, intervalError(s, true) // without a P, no M can mean months
	}
	var total uint64
	next, clock, parts := 0, false, 0
	for rest != "" {
		if rest[0] == 'T' {
			if clock || len(rest) == 1 {
				return 0, ErrIntervalSyntax
			}
			clock, rest = true, rest[1:]
			continue
		}
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if digits == 0 || digits == len(rest) {
			return 0, intervalError(rest, clock)
		}
		i := indexUnit(rest[digits], clock, next)
		if i < 0 {
			return 0, intervalError(rest, clock)
		}
		total = saturate(total, rest[:digits], units[i].seconds)
		next, parts, rest = i+1, parts+1, rest[digits+1:]
	}
	if parts == 0 {
		return 0, ErrIntervalSyntax
	}
	return total, nil
}

// indexUnit returns the index of the designator among units[from:] that may still come, or -1.
func indexUnit(designator byte, clock bool, from int) int {
	for i := from; i < len(units); i++ {
		if units[i].designator == designator && units[i].clock == clock {
			return i
		}
	}
	return -1
}

// saturate returns total + digits × seconds, or the largest number if that overflows. So a number
// with any number of digits is simply an interval that is too long.
func saturate(total uint64, digits string, seconds uint64) uint64 {
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n > (math.MaxUint64-total)/seconds {
		return math.MaxUint64
	}
	return total + n*seconds
}

// intervalError returns the most helpful error for the unparsed rest of an interval.
func intervalError(rest string, clock bool) error {
	if strings.ContainsAny(rest, ".,+-") {
		return ErrIntervalFraction
	}
	designator := strings.TrimLeft(rest, "0123456789")
	if !clock && designator != rest && (strings.HasPrefix(designator, "Y") || strings.HasPrefix(designator, "M")) {
		return ErrIntervalCalendar
	}
	return ErrIntervalSyntax
}

// formatDuration returns d as an ISO 8601 duration in days, hours, minutes and seconds, such as
// P1DT2H30M. Fractions of a second are dropped; zero and negative durations are PT0S.
func formatDuration(d time.Duration) string {
	left := max(d, 0) / time.Second
	var date, clock strings.Builder
	for _, u := range units[1:] {
		n := left / time.Duration(u.seconds) //nolint:gosec // a constant of the table
		left -= n * time.Duration(u.seconds) //nolint:gosec // a constant of the table
		if n == 0 {
			continue
		}
		if u.clock {
			fmt.Fprintf(&clock, "%d%c", n, u.designator)
			continue
		}
		fmt.Fprintf(&date, "%d%c", n, u.designator)
	}
	switch {
	case clock.Len() > 0:
		return "P" + date.String() + "T" + clock.String()
	case date.Len() > 0:
		return "P" + date.String()
	}
	return "PT0S"
}
