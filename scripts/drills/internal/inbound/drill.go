package inbound

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"wagate/scripts/drills/internal/fleet"
	"wagate/scripts/drills/internal/stage"
)

// replicas is how many wagates share the work.
const replicas = 2

// leaseMargin is more than the time by which wagate's lease of a delivery exceeds the time that the
// assistant is given.
const leaseMargin = 17 * time.Second

// drill is one run of the drill.
type drill struct {
	*stage.Stage

	sizes      sizes
	place      place
	fleet      *fleet.Fleet
	ledger     *ledger
	graph      *graph
	assistants *assistants
	provider   *provider
	stormed    time.Time // when the storm began
}

// plan is everything that will be sent and broken.
type plan struct {
	tenants []*tenant
	events  []event
	warm    part
	windows []window // in playing order
	storm   part
	blows   []blow
}

// newPlan plans a run from its seed.
func newPlan(seed uint64, s sizes, onCluster bool) plan {
	p := newPlanner(seed, newCast(s.leads))
	out := plan{tenants: p.tenants}
	out.warm = p.warm()
	left := s.webhooks - len(out.warm.hooks)
	for round := range s.rounds {
		for _, loud := range []bool{round%2 == 1, round%2 == 0} {
			rates := s.quiet
			if loud {
				rates = s.loud
			}
			w := window{part: p.window(s.window, rates), loud: loud, round: round}
			out.windows = append(out.windows, w)
			left -= len(w.hooks)
		}
	}
	out.storm = p.storm(left, s.storm, s.weights)
	out.blows = p.blows(s.blows(onCluster), replicas, s.storm, s.relay+leaseMargin)
	if onCluster {
		out.blows = p.inCluster(out.blows)
	}
	out.events = p.events
	return out
}

// Run drills wagate and draws up the account.
func Run(ctx context.Context, s *stage.Stage) error {
	if s.Short {
		return perform(ctx, s, short)
	}
	return perform(ctx, s, full)
}

func perform(ctx context.Context, s *stage.Stage, n sizes) (err error) {
	d := &drill{Stage: s, sizes: n}
	plan := newPlan(s.Seed, n, s.Cluster)
	d.ledger = newLedger(plan.events)
	if d.assistants, err = startAssistants(d.ledger, plan.tenants); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.assistants.Close()) }()
	if d.graph, err = startGraph(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.graph.Close()) }()
	defer func() {
		if d.place != nil {
			err = errors.Join(err, d.place.Close())
		}
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		if d.fleet != nil {
			d.fleet.Wait()
		}
	}()
	if err := d.start(ctx, plan.tenants); err != nil {
		return err
	}
	return d.play(ctx, plan)
}

// start starts Redis and the replicas.
func (d *drill) start(ctx context.Context, tenants []*tenant) (err error) {
	if d.place, err = d.startPlace(ctx); err != nil {
		return err
	}
	file, err := d.WriteFile("operator.yaml", []byte(operatorFile(
		d.place.url(), cmp.Or(d.sizes.durability, d.place.durability()), d.graph.Addr, d.assistants.Addr, d.sizes.relay, tenants)))
	if err != nil {
		return err
	}
	if d.fleet, err = fleet.Start(ctx, fleet.Params{
		Group: d.Group, Binary: d.Wagate, File: file, Size: replicas, Printf: d.Printf,
	}); err != nil {
		return err
	}
	d.provider = newProvider(d.ledger, d.graph, d.fleet, tenants)
	return nil
}

// play plays all parts and draws up the account.
func (d *drill) play(ctx context.Context, p plan) error {
	// If play fails, the posts that are still under way stop before everything else.
	ctx, cancel := context.WithCancel(ctx)
	defer d.provider.wait()
	defer cancel()
	var done blows
	err := d.calm(ctx, p)
	if err == nil {
		done, err = d.storm(ctx, p)
	}
	if err != nil && !errors.Is(err, errUnsettled) {
		return err
	}
	d.drain(ctx)
	return d.account(ctx, done)
}

// calm plays everything that comes before the storm.
func (d *drill) calm(ctx context.Context, p plan) error {
	d.assistants.healed.Store(true)
	if err := d.provider.play(ctx, p.warm, time.Now()); err != nil {
		return err
	}
	if err := d.settled(ctx); err != nil {
		return err
	}
	// At least one reply must go through Gupshup here, because in the storm each of them may fail.
	if err := fleet.Until(ctx, d.sizes.drain, func() bool { return d.provider.repliesByGupshup(ctx, p.tenants) }); err != nil {
		return fmt.Errorf("reply by gupshup: %w", err)
	}
	d.assistants.healed.Store(false)
	return d.windows(ctx, p.windows)
}

// storm breaks things while everybody writes. Everything is mended when it returns.
func (d *drill) storm(ctx context.Context, p plan) (blows, error) {
	began := time.Now()
	d.stormed = began
	v := &vandal{fleet: d.fleet, place: d.place, arrived: d.assistants.arrived, printf: d.Printf}
	raged := make(chan error, 1)
	go func() { raged <- v.rage(ctx, p.blows, began) }()
	played := d.provider.play(ctx, p.storm, began)
	if err := errors.Join(<-raged, played); err != nil {
		return v.done, fmt.Errorf("storm: %w", err)
	}
	d.Printf("storm over after %.1fs: %s\n", time.Since(began).Seconds(), v.done)
	return v.done, nil
}

// idle is how long wagate must have nothing to deliver to count as done.
const idle = 3 * time.Second

// drain ends the assistants' trouble and waits until all events are acknowledged and have arrived
// and wagate has nothing more to deliver, because duplicates would come until then. It stops
// waiting for missing events once wagate has had nothing to deliver for a while. It is no error if
// the wait is too long: the account shows what is missing. What wagate says is pending decides only
// how long drain waits.
func (d *drill) drain(ctx context.Context) {
	d.assistants.healed.Store(true)
	began, quiet := time.Now(), lull{}
	err := fleet.Until(ctx, d.sizes.drain, func() bool {
		busy := d.fleet.Pending(ctx, "wagate_relay_pending") > 0 || d.ledger.open() > 0
		lasted := quiet.lasted(busy, time.Now())
		return !busy && d.ledger.missing() == 0 || lasted > idle
	})
	if err != nil || d.ledger.missing() > 0 {
		d.Printf("still on their way: %d events not acknowledged, %d not delivered\n", d.ledger.open(), d.ledger.missing())
	}
	d.Printf("drained for %.1fs\n", time.Since(began).Seconds())
}

// lull remembers since when nothing has been seen under way.
type lull struct{ since time.Time }

// lasted takes in whether something is under way at now, and returns how long nothing has been seen
// under way. Time before the first look does not count: a busy machine may look seldom.
func (l *lull) lasted(busy bool, now time.Time) time.Duration {
	if busy {
		l.since = time.Time{}
		return 0
	}
	if l.since.IsZero() {
		l.since = now
	}
	return now.Sub(l.since)
}

// errUnsettled says that not everything arrived although nothing was broken. There is no point in
// going on.
var errUnsettled = errors.New("not everything arrived though nothing was broken")

// settled waits until everything that was sent has been delivered.
func (d *drill) settled(ctx context.Context) error {
	d.provider.wait()
	if err := fleet.Until(ctx, d.sizes.drain, func() bool { return d.ledger.missing() == 0 }); err != nil {
		d.Printf("%d events are still on their way: %v\n", d.ledger.missing(), errUnsettled)
		return errUnsettled
	}
	return nil
}
