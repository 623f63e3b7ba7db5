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

// The rules of giving up and of trying again.
const (
	giveUpAfter   = 24 * time.Hour
	maxRejections = 3
	firstRetry    = time.Second
	maxRetry      = 5 * time.Minute
	// maxHold is how long a Retry-After is believed at most.
	maxHold = time.Hour
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
		http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity,
	}, a.status)
}

// gone reports whether the endpoint is no more and is not to be asked again.
func (a answer) gone() bool { return a.trouble == "" && a.status == http.StatusGone }

// healthy reports whether the answer says that the assistant works, whatever it
// thinks of this delivery. An endpoint that is gone does not: the breaker keeps
// it from taking all that waits with it.
func (a answer) healthy() bool { return a.delivered() || a.rejected() }

// hold is how long the answer asks us to leave the assistant alone, not only
// this delivery.
func (a answer) hold() time.Duration {
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
		return a.retryAfter
	}
	return 0
}

// judge decides what becomes of a delivery after a try that was answered at now.
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
		f.Split = true // only what is at fault may die
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
	// One that is out of range is read as the number nearest to it.
	if n, err := strconv.Atoi(v); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(max(n, 0), int(maxHold/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(at.Sub(now), 0), maxHold)
	}
	return 0
}
