package relay

import (
	"net/http"
	"testing"
	"time"

	"wagate/followup"
)

// longest is a jitter that takes nothing off.
func longest(d time.Duration) time.Duration { return d }

// TestJudge has what follows each kind of answer, by the delivery's age, tries, rejections and
// number of events.
func TestJudge(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	fresh := followup.Delivery{FirstAt: now}
	old := func(age time.Duration, tries int) followup.Delivery {
		return followup.Delivery{FirstAt: now.Add(-age), Attempts: tries}
	}
	several := func(d followup.Delivery) followup.Delivery {
		d.Events = make([]followup.RelayEvent, 2)
		return d
	}
	cases := []struct {
		name    string
		a       answer
		d       followup.Delivery
		want    string // delivered, retry, reject, split, or the reason of the dead letter
		retryIn time.Duration
	}{
		{name: "200", a: answer{status: 200}, d: fresh, want: "delivered"},
		{name: "204", a: answer{status: 204}, d: fresh, want: "delivered"},
		{name: "299 after a day", a: answer{status: 299}, d: old(25*time.Hour, 90), want: "delivered"},
		{name: "redirect", a: answer{status: 302}, d: fresh, want: "retry", retryIn: time.Second},
		{name: "304", a: answer{status: 304}, d: fresh, want: "retry", retryIn: time.Second},
		{name: "401", a: answer{status: 401}, d: fresh, want: "retry", retryIn: time.Second},
		{name: "404", a: answer{status: 404}, d: fresh, want: "retry", retryIn: time.Second},
		{name: "503 again", a: answer{status: 503}, d: old(time.Minute, 3), want: "retry", retryIn: 8 * time.Second},
		{name: "doubling is bounded", a: answer{status: 503}, d: old(time.Hour, 9), want: "retry", retryIn: 5 * time.Minute},
		{name: "after very many", a: answer{status: 503}, d: old(time.Hour, 500), want: "retry", retryIn: 5 * time.Minute},
		{name: "no answer", a: answer{trouble: "timeout"}, d: fresh, want: "retry", retryIn: time.Second},
		{name: "Retry-After longer than the back-off", a: answer{status: 429, retryAfter: time.Hour}, d: fresh, want: "retry", retryIn: time.Hour},
		{
			name: "Retry-After shorter than the back-off", a: answer{status: 503, retryAfter: time.Second}, d: old(time.Minute, 5),
			want: "retry", retryIn: 32 * time.Second,
		},
		{
			name: "Retry-After beyond the end is cut to the end", a: answer{status: 429, retryAfter: time.Hour},
			d: old(24*time.Hour-time.Minute, 9), want: "retry", retryIn: time.Minute,
		},
		{name: "just before the end", a: answer{status: 503}, d: old(24*time.Hour-time.Second, 9), want: "retry", retryIn: time.Second},
		{name: "at the end", a: answer{status: 503}, d: old(24*time.Hour, 9), want: "gave up after 24h: status 503"},
		{name: "no answer at the end", a: answer{trouble: "timeout"}, d: old(24*time.Hour, 9), want: "gave up after 24h: timeout"},
		{name: "first rejection", a: answer{status: 422}, d: fresh, want: "reject", retryIn: time.Second},
		{name: "second rejection", a: answer{status: 400}, d: followup.Delivery{FirstAt: now, Attempts: 1, Rejected: 1}, want: "reject", retryIn: 2 * time.Second},
		{name: "third 400", a: answer{status: 400}, d: followup.Delivery{FirstAt: now, Rejected: 2}, want: "rejected 400"},
		{name: "third 413", a: answer{status: 413}, d: followup.Delivery{FirstAt: now, Rejected: 2}, want: "rejected 413"},
		{name: "third 422", a: answer{status: 422}, d: followup.Delivery{FirstAt: now, Rejected: 2}, want: "rejected 422"},
		{name: "third of several", a: answer{status: 422}, d: several(followup.Delivery{FirstAt: now, Rejected: 2}), want: "split"},
		{name: "second of several", a: answer{status: 422}, d: several(followup.Delivery{FirstAt: now, Rejected: 1}), want: "reject", retryIn: time.Second},
		{name: "413 of several", a: answer{status: 413}, d: several(fresh), want: "split"},
		{name: "413 of one", a: answer{status: 413}, d: fresh, want: "reject", retryIn: time.Second},
		{name: "413 of several at the end", a: answer{status: 413}, d: several(old(24*time.Hour, 9)), want: "split"},
		{name: "rejected at the end", a: answer{status: 422}, d: old(24*time.Hour, 9), want: "rejected 422"},
		{name: "several rejected at the end", a: answer{status: 422}, d: several(old(24*time.Hour, 9)), want: "split"},
		{name: "several unanswered at the end", a: answer{trouble: "timeout"}, d: several(old(24*time.Hour, 9)), want: "gave up after 24h: timeout"},
		{name: "410", a: answer{status: 410}, d: fresh, want: "rejected 410"},
		{name: "410 of several", a: answer{status: 410}, d: several(fresh), want: "rejected 410"},
		{
			name: "other failures are no rejections", a: answer{status: 500},
			d: followup.Delivery{FirstAt: now, Attempts: 2, Rejected: 2}, want: "retry", retryIn: 4 * time.Second,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := judge(c.a, c.d, now, longest)
			got := f.Dead
			switch {
			case f.Delivered:
				got = "delivered"
			case f.Split:
				got = "split"
			case f.Dead == "" && f.Rejected:
				got = "reject"
			case f.Dead == "":
				got = "retry"
			}
			if got != c.want {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			if c.retryIn == 0 && !f.RetryAt.IsZero() {
				t.Errorf("got a retry at %v, want none", f.RetryAt)
			}
			if c.retryIn > 0 && f.RetryAt.Sub(now) != c.retryIn {
				t.Errorf("got a retry in %v, want %v", f.RetryAt.Sub(now), c.retryIn)
			}
		})
	}
}

// TestRetryAfter: Retry-After is read as seconds or as a date, is never negative, and is at most an
// hour.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		"-7":                            0,
		"soon":                          0,
		"99999999999":                   time.Hour,
		"99999999999999999999":          time.Hour,
		"-99999999999999999999":         0,
		"Wed, 04 Nov 2026 12:00:00 GMT": time.Hour,
		"Tue, 03 Nov 2026 12:01:30 GMT": 90 * time.Second,
		"Tue, 03 Nov 2026 11:00:00 GMT": 0,
	} {
		h := http.Header{}
		h.Set("Retry-After", in)
		if got := retryAfter(h, now); got != want {
			t.Errorf("%q: got %v, want %v", in, got, want)
		}
	}
}
