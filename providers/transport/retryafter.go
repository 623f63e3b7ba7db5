package transport

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter caps the wait that a provider can ask for. A longer one is more likely a mistake
// than meant.
const maxRetryAfter = 24 * time.Hour

// retryAfter parses a Retry-After header, in seconds or as an HTTP date. It returns zero if the
// header asks for no wait or cannot be parsed.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	// On ErrRange, ParseInt returns the nearest number in range.
	if seconds, err := strconv.ParseInt(header, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(max(0, seconds), int64(maxRetryAfter/time.Second))) * time.Second
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return min(max(0, at.Sub(now)), maxRetryAfter)
}
