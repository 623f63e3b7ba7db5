package providers

import (
	"strconv"
	"time"
)

// Bounds of a credible timestamp. Up to maxSeconds (the year 5138) a number counts as Unix seconds,
// above it as milliseconds, up to maxMillis (the year 2286).
const (
	maxSeconds = 1e11
	maxMillis  = 1e13
)

// whatsApp is the beginning of the year in which WhatsApp began. Earlier timestamps are not
// credible.
var whatsApp = time.Date(2009, 1, 1, 0, 0, 0, 0, time.UTC)

// Instant parses a provider's timestamp in Unix seconds or milliseconds. It returns the zero time
// if the timestamp is missing or not credible.
func Instant(s string) time.Time {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f > 0 && f <= maxMillis) { // the negation also catches NaN
		return time.Time{}
	}
	at := time.Unix(int64(f), 0)
	if f > maxSeconds {
		at = time.UnixMilli(int64(f))
	}
	if at.Before(whatsApp) {
		return time.Time{}
	}
	return at.UTC()
}
