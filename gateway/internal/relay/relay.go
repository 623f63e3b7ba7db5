package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wagate/followup"
	"wagate/followup/poll"
	"wagate/followup/rescue"
)

// Store is the queue of deliveries; followup.Store implements it.
type Store interface {
	ClaimDeliveries(ctx context.Context, c followup.ClaimDeliveries) ([]followup.Delivery, time.Duration, error)
	FinishDelivery(ctx context.Context, f followup.FinishDelivery) error
}

// Endpoint is where an assistant listens.
type Endpoint struct {
	URL string
	// Secrets sign deliveries; there is at least one. While a secret is rotated there are several.
	// A receiver that knows any of them can verify the Standard Webhooks signature;
	// X-Hub-Signature-256 is made with the first.
	Secrets []string
}

// Params configures a Relay. Store, Endpoints, Directory, Logger and Metrics are required.
type Params struct {
	Store     Store
	Endpoints map[followup.AssistantID]Endpoint
	// Directory tells which tenant an assistant belongs to. It also gives the account and the
	// number of a channel, for events that name none.
	Directory *followup.Directory
	Logger    *slog.Logger
	Metrics   prometheus.Registerer

	// Real returns real time. Default: time.Now.
	Real func() time.Time
	// Jitter spreads retries: it returns a duration between half of d and d. Default: uniformly
	// random.
	Jitter func(d time.Duration) time.Duration

	Timeout      time.Duration // of one try; default 10 s
	Concurrency  int           // deliveries in flight at once; default 512
	PerAssistant int           // of those, to one assistant; default 16
	MaxEvents    int           // per delivery; default 20
	MaxBytes     int           // per delivery, approximately; a single event may be larger; default 1 MiB
	Poll         time.Duration // longest sleep of the poller; default 1 s
	// AllowPrivate allows assistants on private and loopback addresses.
	AllowPrivate bool
	// UserAgent is the User-Agent of the requests. Default: "wagate".
	UserAgent string
}

// The bounds of calls to the store. The lease of a delivery lasts for the timeout of a try,
// finishWithin and leaseMargin together, so it outlasts a try and the recording of its result.
const (
	finishWithin  = 10 * time.Second
	leaseMargin   = 5 * time.Second
	claimWithin   = 10 * time.Second
	releaseWithin = 2 * time.Second
)

// errStopped is the cause with which a stop cuts short the tries in flight.
var errStopped = errors.New("relay: stopping")

// target is where deliveries to an assistant go, and how they are signed.
type target struct {
	url    string
	signer signer
}

// Relay delivers events to assistants from Start to Stop.
type Relay struct {
	p       Params
	log     *slog.Logger
	metrics *metrics
	client  *http.Client
	targets map[followup.AssistantID]target
	slots   *slots
	loop    *poll.Loop

	start, stop sync.Once
	halt        context.CancelFunc      // ends claiming
	cut         context.CancelCauseFunc // ends tries in flight
	tries       context.Context         //nolint:containedctx // the life of the workers, between Start and Stop
	polling     sync.WaitGroup
	inFlight    sync.WaitGroup
}

// New checks the endpoints and returns a Relay that is not running yet. The error names every
// assistant whose endpoint cannot be used. It shows no URL and no secret.
func New(p Params) (*Relay, error) {
	if p.Real == nil {
		p.Real = time.Now
	}
	if p.Jitter == nil {
		p.Jitter = func(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) } //nolint:gosec // no secret
	}
	if p.Timeout <= 0 {
		p.Timeout = 10 * time.Second
	}
	if p.Concurrency <= 0 {
		p.Concurrency = 512
	}
	if p.PerAssistant <= 0 {
		p.PerAssistant = 16
	}
	if p.MaxEvents <= 0 {
		p.MaxEvents = 20
	}
	if p.MaxBytes <= 0 {
		p.MaxBytes = 1 << 20
	}
	if p.UserAgent == "" {
		p.UserAgent = "wagate"
	}
	targets := make(map[followup.AssistantID]target, len(p.Endpoints))
	var problems []error
	for _, id := range slices.Sorted(maps.Keys(p.Endpoints)) {
		t, err := newTarget(p.Endpoints[id])
		if err != nil {
			problems = append(problems, fmt.Errorf("relay: assistant %s: %w", id, err))
		}
		targets[id] = t
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	log := p.Logger.With("component", "relay")
	r := &Relay{
		p: p, log: log, metrics: newMetrics(p.Metrics), targets: targets,
		client: newClient(newDialer(p.AllowPrivate), p.PerAssistant),
		slots:  newSlots(p.Concurrency, p.PerAssistant, p.Directory.Owners(), p.Real, log),
	}
	r.loop = poll.New(poll.Params{Name: "relay", Next: r.turn, Max: p.Poll, Logger: p.Logger, Now: p.Real})
	return r, nil
}

func newTarget(e Endpoint) (target, error) {
	u, err := url.Parse(e.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return target{}, errors.New("url is not an absolute http or https URL") // err may show the URL
	}
	s, err := newSigner(e.Secrets)
	if err != nil {
		return target{}, err
	}
	return target{url: e.URL, signer: s}, nil
}

// Start starts delivering. Calling it again, or after Stop, does nothing.
func (r *Relay) Start() {
	r.start.Do(func() {
		ctx, halt := context.WithCancel(context.Background())
		r.halt = halt
		r.tries, r.cut = context.WithCancelCause(context.Background())
		r.polling.Go(func() { r.loop.Run(ctx) })
	})
}

// Stop ends claiming and waits for the deliveries in flight. If ctx ends first, these are cut short
// and given back without counting a try; Stop returns an error if they are still out a moment
// later. Calling it again, or without Start, does nothing.
func (r *Relay) Stop(ctx context.Context) error {
	var err error
	r.stop.Do(func() {
		r.start.Do(func() {}) // a later Start must not begin anything
		if r.halt == nil {
			return
		}
		r.halt()
		done := make(chan struct{})
		go func() {
			r.polling.Wait()
			r.inFlight.Wait()
			close(done)
		}()
		select {
		case <-done:
		case <-ctx.Done():
			r.cut(errStopped)
			select {
			case <-done:
			case <-time.After(2 * releaseWithin):
				err = fmt.Errorf("relay: deliveries still out: %w", context.Cause(ctx))
			}
		}
		r.cut(errStopped)
		r.client.CloseIdleConnections()
	})
	return err
}

// Wake tells the relay that there may be something to deliver.
func (r *Relay) Wake() { r.loop.Wake() }

// Alive reports whether the poller took a successful turn within the last d of real time.
func (r *Relay) Alive(d time.Duration) bool { return r.loop.Alive(r.p.Real(), d) }

// turn claims as many deliveries as there is room for and starts them. It returns how long until
// the next turn is due.
func (r *Relay) turn(ctx context.Context) (time.Duration, error) {
	c, again := r.slots.room()
	if c.Limit == 0 {
		return time.Hour, nil // the end of a delivery wakes the loop
	}
	c.Real, c.Lease = r.p.Real(), r.p.Timeout+finishWithin+leaseMargin
	c.MaxEvents, c.MaxBytes = r.p.MaxEvents, r.p.MaxBytes
	// A claim under way is finished even while stopping. What it took is then known and given back,
	// instead of waiting for its lease to run out.
	claim, cancel := context.WithTimeout(context.WithoutCancel(ctx), claimWithin)
	defer cancel()
	deliveries, next, err := r.p.Store.ClaimDeliveries(claim, c)
	if err != nil {
		return 0, fmt.Errorf("claim deliveries: %w", err)
	}
	for _, d := range deliveries {
		if ctx.Err() != nil { // all in parallel: a stop has little time
			r.launch(d, func() {
				r.finish(releaseWithin, followup.FinishDelivery{Delivery: d, Release: true, Real: r.p.Real()})
			})
			continue
		}
		result, allowed := r.slots.take(d.Assistant)
		r.launch(d, func() {
			defer r.loop.Wake() // there is room now, and perhaps more of that conversation
			defer r.slots.give(d.Assistant)
			r.deliver(d, c.Real.Add(c.Lease-r.p.Timeout), result, allowed)
		})
	}
	if again > 0 {
		next = min(next, again)
	}
	return next, nil
}

// launch runs f, which handles a delivery, on a goroutine that Stop waits for. If f panics, the
// delivery counts as a try that failed. If that cannot be recorded either, the delivery is claimed
// again when its lease has run out.
func (r *Relay) launch(d followup.Delivery, f func()) {
	r.inFlight.Go(func() {
		log := r.log.With("delivery", d.ID, "assistant", d.Assistant)
		if rescue.Call(log, "delivery panicked", f) {
			return
		}
		rescue.Call(log, "delivery panicked again, its lease will run out", func() {
			r.finish(finishWithin, judge(panicked, d, r.p.Real(), r.p.Jitter))
		})
	})
}
