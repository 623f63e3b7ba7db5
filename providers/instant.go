package providers

import (
	"strconv"
	"time"
)

// The bounds of a timestamp that can be believed, in Unix seconds and, beyond
// maxSeconds (the year 5138), in milliseconds, up to the year 2286.
const (
	maxSeconds = 1e11
	maxMillis  = 1e13
)

// whatsApp is the year that WhatsApp began in: it told nothing before.
var whatsApp = time.Date(2009, 1, 1, 0, 0, 0, 0, time.UTC)

// Instant reads a provider's timestamp, seconds or milliseconds. The zero time
// means that none was given that can be believed.
func Instant(s string) time.Time {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f > 0 && f <= maxMillis) { // not a number fails both
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
