package relay

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"wagate/followup"
)

// The rules of giving up and of trying again.
const (
	giveUpAfter   = 24 * time.Hour
	maxRejections = 3
	firstRetry    = time.Second
	maxRetry      = 5 * time.Minute
)

// answer is how a try went: a status, or the reason why there is none.
type answer struct {
	status     int
	retryAfter time.Duration
	trouble    string // why there was no answer, in closed words; empty: there was
}

func (a answer) reason() string {
	if a.trouble != "" {
		return a.trouble
	}
	return "status " + strconv.Itoa(a.status)
}

func (a answer) delivered() bool { return a.trouble == "" && a.status >= 200 && a.status < 300 }

// rejected reports whether the assistant read the delivery and wants none of it.
func (a answer) rejected() bool {
	return a.trouble == "" && slices.Contains([]int{
		http.StatusBadRequest, http.StatusGone, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity,
	}, a.status)
}

// healthy reports whether the answer says that the assistant works, whatever it
// thinks of this delivery.
func (a answer) healthy() bool { return a.delivered() || a.rejected() }

// judge decides what becomes of a delivery after a try that was answered at now.
func judge(a answer, d followup.Delivery, now time.Time, jitter func(time.Duration) time.Duration) followup.FinishDelivery {
	f := followup.FinishDelivery{Delivery: d, Real: now}
	first := d.FirstAt
	if first.IsZero() {
		first = now
	}
	end := first.Add(giveUpAfter)
	switch {
	case a.delivered():
		f.Delivered = true
		return f
	case a.rejected() && d.Rejected+1 >= maxRejections:
		f.Dead = "rejected " + strconv.Itoa(a.status)
		return f
	case !now.Before(end):
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

// retryDelay returns the wait after a try that came after n others.
func retryDelay(n int, jitter func(time.Duration) time.Duration) time.Duration {
	d := maxRetry
	if n < 9 { // 1 s doubled nine times is beyond the bound
		d = min(firstRetry<<max(n, 0), maxRetry)
	}
	return jitter(d)
}

// retryAfter reads the header in both its forms; zero if there is none that
// makes sense.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	if n, err := strconv.Atoi(v); err == nil {
		return time.Duration(min(max(n, 0), int(giveUpAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(at.Sub(now), 0), giveUpAfter)
	}
	return 0
}
