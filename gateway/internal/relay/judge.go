package relay

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"wagate/followup"
)

// The limits of retrying.
const (
	giveUpAfter   = 24 * time.Hour
	maxRejections = 3
	firstRetry    = time.Second
	maxRetry      = 5 * time.Minute
	// maxHold is the longest Retry-After that is honoured.
	maxHold = time.Hour
)

// answer is the result of a try: a status, or the reason why there is none.
type answer struct {
	status     int
	retryAfter time.Duration
	trouble    string // why there was no answer, from a closed set; empty if there was one
}

func (a answer) reason() string {
	if a.trouble != "" {
		return a.trouble
	}
	return "status " + strconv.Itoa(a.status)
}

func (a answer) delivered() bool { return a.trouble == "" && a.status >= 200 && a.status < 300 }

// rejected reports whether the assistant read the delivery and refused it.
func (a answer) rejected() bool {
	return a.trouble == "" && slices.Contains([]int{
		http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity,
	}, a.status)
}

// gone reports whether the endpoint says that it has gone for good (410).
func (a answer) gone() bool { return a.trouble == "" && a.status == http.StatusGone }

// healthy reports whether the answer shows that the assistant works, whatever it thinks of this
// delivery. An endpoint that is gone does not work: its breaker opens, which keeps most of what
// waits from becoming dead letters.
func (a answer) healthy() bool { return a.delivered() || a.rejected() }

// hold returns how long the answer asks us to leave the whole assistant alone, not only this
// delivery.
func (a answer) hold() time.Duration {
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
		return a.retryAfter
	}
	return 0
}

// judge decides what becomes of a delivery after a try that ended at now.
func judge(a answer, d followup.Delivery, now time.Time, jitter func(time.Duration) time.Duration) followup.FinishDelivery {
	f := followup.FinishDelivery{Delivery: d, Real: now}
	first := d.FirstAt
	if first.IsZero() {
		first = now
	}
	end := first.Add(giveUpAfter)
	over := !now.Before(end)
	final := a.rejected() && (over || d.Rejected+1 >= maxRejections)
	tooLarge := a.rejected() && a.status == http.StatusRequestEntityTooLarge
	switch {
	case a.delivered():
		f.Delivered = true
		return f
	case len(d.Events) > 1 && (final || tooLarge):
		f.Split = true // so that only the event at fault becomes a dead letter
		return f
	case final, a.gone():
		f.Dead = "rejected " + strconv.Itoa(a.status)
		return f
	case over:
		f.Dead = fmt.Sprintf("gave up after 24h: %s", a.reason())
		return f
	}
	f.Rejected = a.rejected()
	f.RetryAt = now.Add(max(retryDelay(d.Attempts, jitter), a.retryAfter))
	if f.RetryAt.After(end) {
		f.RetryAt = end
	}
	return f
}

// retryDelay returns the wait after a try that n others came before.
func retryDelay(n int, jitter func(time.Duration) time.Duration) time.Duration {
	d := maxRetry
	if n < 9 { // 1 s doubled nine times is beyond the bound
		d = min(firstRetry<<max(n, 0), maxRetry)
	}
	return jitter(d)
}

// retryAfter reads the Retry-After header, which is a number of seconds or a date. It returns at
// most maxHold, and zero if there is no value that makes sense.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	// If a number is out of range, n is the nearest int.
	if n, err := strconv.Atoi(v); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(max(n, 0), int(maxHold/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(at.Sub(now), 0), maxHold)
	}
	return 0
}
