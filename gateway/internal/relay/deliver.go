package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"

	"wagate/followup"
	"wagate/followup/rescue"
	"wagate/followup/window"
	"wagate/providers/transport"
)

// errTimeout is the cause with which a try that took too long is cancelled.
var errTimeout = errors.New("relay: assistant took too long")

// unhealthy is the error that tells the breaker that a try failed, and why.
type unhealthy struct{ reason string }

func (u unhealthy) Error() string { return "relay: assistant failed: " + u.reason }

// maxAnswer is how many bytes of an answer are read, so that the connection can be used again.
// Nobody looks at them.
const maxAnswer = 64 << 10

// errLate reports that a try was not begun because it would outlast the lease: this process stood
// still. By then somebody else may have delivered these events, and those behind them.
var errLate = errors.New("relay: too late to begin")

// deliver makes one try, unless it is later than by, and records the result. result reports the try
// to the assistant's breaker. If allowed is false, deliver makes no try and gives the delivery
// back.
func (r *Relay) deliver(d followup.Delivery, by time.Time, result func(error), allowed bool) {
	if !allowed {
		r.finish(releaseWithin, followup.FinishDelivery{Delivery: d, Release: true, Real: r.p.Real()})
		return
	}
	began := r.p.Real()
	a, err := r.safeTry(d, by)
	now := r.p.Real()
	switch {
	case errors.Is(err, errValue):
		result(errStopped) // the assistant was not asked
		f := followup.FinishDelivery{Delivery: d, Real: now}
		if f.Split = len(d.Events) > 1; !f.Split {
			f.Dead = "malformed event"
		}
		r.finish(finishWithin, f)
		return
	case err != nil:
		result(errStopped)
		r.finish(releaseWithin, followup.FinishDelivery{Delivery: d, Release: true, Seen: true, Real: now})
		return
	}
	r.metrics.duration.Observe(now.Sub(began).Seconds())
	if wait := a.hold(); wait > 0 {
		r.slots.hold(d.Assistant, wait)
	}
	switch {
	case r.foreign(d): // says nothing about the assistant
		result(errStopped)
	case a.healthy():
		result(nil)
	default:
		result(unhealthy{a.reason()})
	}
	r.finish(finishWithin, judge(a, d, now, r.p.Jitter))
}

// channel returns a channel of the directory. If the channel has left the operator's file, only its
// id is set.
func (r *Relay) channel(id followup.ChannelID) followup.Channel {
	c, known := r.p.Directory.Channel(id)
	if !known {
		c.ID = id
	}
	return c
}

// foreign reports whether the assistant now belongs to another tenant, who must not see what was
// settled for the assistant before.
func (r *Relay) foreign(d followup.Delivery) bool {
	owner, known := r.p.Directory.Owners()[d.Assistant]
	return known && owner != d.Tenant
}

// panicked is the answer of a try that panicked.
var panicked = answer{trouble: "internal error"}

// safeTry makes one try. A try that panics has failed: the cause may be this delivery, and it must
// not end the process.
func (r *Relay) safeTry(d followup.Delivery, by time.Time) (a answer, err error) {
	if !rescue.Call(r.log, "try panicked", func() { a, err = r.try(d, by) }, "delivery", d.ID, "assistant", d.Assistant) {
		return panicked, nil
	}
	return a, err
}

// try posts the delivery once. The error is errValue, errLate or errStopped. With errStopped the
// relay is stopping, and how the try would have gone is not known.
func (r *Relay) try(d followup.Delivery, by time.Time) (answer, error) {
	body, err := render(d.Events, r.channel(d.Channel))
	if err != nil {
		return answer{}, err
	}
	t, ok := r.targets[d.Assistant]
	if !ok || r.foreign(d) {
		return answer{trouble: "unknown assistant"}, nil
	}
	ctx, cancel := context.WithTimeoutCause(r.tries, r.p.Timeout, errTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		return answer{trouble: "malformed url"}, nil
	}
	if err := r.headers(req.Header, t, d, body); err != nil {
		return answer{trouble: "cannot sign"}, nil
	}
	if r.p.Real().After(by) {
		return answer{}, errLate
	}
	res, err := r.client.Do(req)
	if err != nil {
		if errors.Is(context.Cause(ctx), errStopped) {
			return answer{}, errStopped
		}
		return answer{trouble: trouble(ctx, err)}, nil
	}
	defer func() { _ = res.Body.Close() }() // only the status matters
	// What follows 101 Switching Protocols is not an answer, and no deadline would end reading it.
	if res.StatusCode != http.StatusSwitchingProtocols {
		_, _ = io.CopyN(io.Discard, res.Body, maxAnswer)
	}
	return answer{status: res.StatusCode, retryAfter: retryAfter(res.Header, r.p.Real())}, nil
}

// headers sets all headers of a delivery. The lead's header is left out if there is no lead. The
// window's header is left out if the lead never wrote, or if the provider has refused the window
// since.
func (r *Relay) headers(h http.Header, t target, d followup.Delivery, body []byte) error {
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", r.p.UserAgent)
	h.Set("X-Wagate-Channel-Id", string(d.Channel))
	if !d.Lead.StandIn() {
		h.Set("X-Wagate-Lead-Id", string(d.Lead))
	}
	if closes := window.ClosesAt(d.Window.LastInbound); !closes.IsZero() && !d.Window.Refused {
		h.Set("X-Wagate-Window-Closes-At", closes.UTC().Format(time.RFC3339))
	}
	if err := t.signer.sign(h, d.ID, r.p.Real(), body); err != nil {
		return err
	}
	if raw := rawOf(d.Events); raw != nil {
		setRawHeaders(h, raw)
	}
	return nil
}

// trouble puts a transport error in words of a closed set, because the error's own text names the
// URL.
func trouble(ctx context.Context, err error) string {
	if errors.Is(context.Cause(ctx), errTimeout) {
		return "timeout"
	}
	if errors.Is(err, errBlocked) {
		return "address not allowed"
	}
	return "no connection: " + transport.Reason(err)
}

// finish records the result of a delivery in the store. It tries again within the given time: an
// assistant that has the delivery should not get it twice because Redis was away for a moment.
func (r *Relay) finish(within time.Duration, f followup.FinishDelivery) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.tries), within)
	defer cancel()
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := r.p.Store.FinishDelivery(ctx, f)
		if errors.Is(err, followup.ErrStale) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithMaxElapsedTime(within))
	log := r.log.With("delivery", f.Delivery.ID, "assistant", f.Delivery.Assistant, "channel", f.Delivery.Channel)
	outcome := outcomeOf(f)
	switch {
	case errors.Is(err, followup.ErrStale):
		outcome = outcomeStale
		log.Warn("delivery was taken over before its result was recorded")
	case err != nil:
		outcome = outcomeUnknown
		log.Warn("result of a delivery could not be recorded, it will be tried again", "err", err)
	case f.Dead != "":
		log.Warn("delivery given up, see dead letters", "tenant", f.Delivery.Tenant, "reason", f.Dead)
	case f.Split:
		log.Info("delivery refused, its events are tried one by one", "tenant", f.Delivery.Tenant, "events", len(f.Delivery.Events))
	default:
		log.Debug("delivery tried", "outcome", outcome, "attempts", f.Delivery.Attempts)
	}
	r.metrics.deliveries.WithLabelValues(outcome).Inc()
}

func outcomeOf(f followup.FinishDelivery) string {
	switch {
	case f.Delivered:
		return outcomeDelivered
	case f.Dead != "":
		return outcomeDead
	case f.Release:
		return outcomeReleased
	case f.Split:
		return outcomeSplit
	}
	return outcomeRetried
}
