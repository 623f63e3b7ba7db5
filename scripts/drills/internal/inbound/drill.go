package inbound

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"wagate/scripts/drills/internal/dice"
	"wagate/scripts/drills/internal/fleet"
	"wagate/scripts/internal/figure"
	"wagate/scripts/internal/proc"
)

// Params say how the drill is to be run. Wagate and Out are required.
type Params struct {
	// Wagate is the path of the binary that is drilled.
	Wagate string
	// Size is how much is done; default Full.
	Size Size
	// Seed decides what is sent and what breaks when; zero: any.
	Seed uint64
	// Cluster has all of it on a Redis Cluster.
	Cluster bool
	// durability is the level in the place of the one that outlives what breaks.
	durability string
	// Out is where it is told how it goes.
	Out io.Writer
}

// Size is how much is done.
type Size struct {
	webhooks int // genuine ones, each counted once
	leads    map[manner]int
	relay    time.Duration // how long wagate waits for an assistant

	rounds int           // pairs of a quiet and a loud window
	window time.Duration // one of them
	quiet  map[manner]int
	loud   map[manner]int // texts per second of each tenant, by manner

	storm   time.Duration
	weights map[manner]int // of the manners, in the storm
	single  blows
	cluster blows
	// takeOver is how long a Cluster's master may not answer until its replica takes over; 0:
	// only one that was killed is replaced.
	takeOver time.Duration
	drain    time.Duration // how long everything may take to arrive in the end
}

// The sizes.
var (
	Full = Size{
		webhooks: 100_000, leads: map[manner]int{calm: 200, flooding: 1500, slow: 300, failing: 300, picky: 200, raw: 200},
		relay:  2 * time.Second,
		rounds: 5, window: 5 * time.Second,
		quiet: map[manner]int{calm: 50}, loud: map[manner]int{calm: 50, flooding: 500, slow: 30, failing: 30, picky: 10, raw: 10},
		storm: 220 * time.Second, weights: map[manner]int{calm: 3, flooding: 10, slow: 3, failing: 3, picky: 2, raw: 2},
		single:   blows{wagate: 20, redis: 5, frozenWagate: 3, frozenRedis: 3, flushes: 8},
		cluster:  blows{wagate: 20, redis: 6, frozenWagate: 3, frozenRedis: 3, flushes: 8, slots: 12},
		takeOver: 2 * time.Second, drain: 2 * time.Minute,
	}
	Short = Size{
		webhooks: 5000, leads: map[manner]int{calm: 40, flooding: 200, slow: 40, failing: 40, picky: 40, raw: 40},
		relay:  time.Second,
		rounds: 3, window: time.Second,
		quiet: Full.quiet, loud: map[manner]int{calm: 50, flooding: 500, slow: 30},
		storm: 10 * time.Second, weights: Full.weights,
		single:   blows{wagate: 4, redis: 1, frozenRedis: 1, flushes: 2},
		cluster:  blows{wagate: 4, redis: 1, flushes: 2, slots: 2},
		takeOver: 2 * time.Second, drain: 25 * time.Second,
	}
	// Tiny is what the tests do; it has no windows. It waits longer than the others, for
	// machines that are busy.
	Tiny = Size{
		webhooks: 900, leads: map[manner]int{calm: 10, flooding: 30, slow: 10, failing: 10, picky: 10, raw: 10},
		relay: time.Second,
		storm: 3 * time.Second, weights: Full.weights,
		single:  blows{wagate: 3, redis: 1, flushes: 1},
		cluster: blows{wagate: 1, redis: 1, flushes: 1, slots: 1},
		drain:   5 * time.Minute,
	}
)

// blows are those of one Redis or of a Cluster.
func (s Size) blows(onCluster bool) blows {
	if onCluster {
		return s.cluster
	}
	return s.single
}

// replicas is how many wagates share the work.
const replicas = 2

// leaseMargin is longer than what wagate's lease of a delivery has over the time that
// the assistant is given.
const leaseMargin = 17 * time.Second

// drill is a run on its way.
type drill struct {
	Params
	*figure.Sheet

	group      *proc.Group
	place      place
	fleet      *fleet.Fleet
	ledger     *ledger
	graph      *graph
	assistants *assistants
	provider   *provider
	stormed    time.Time // when the storm began
}

// plan is all that will be sent and broken.
type plan struct {
	tenants []*tenant
	events  []event
	warm    part
	windows []window // in the order they are played
	storm   part
	blows   []blow
}

// newPlan plans a run.
func newPlan(seed uint64, s Size, onCluster bool) plan {
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

// Run drills wagate and prints the account. It reports whether all of it holds.
func Run(ctx context.Context, p Params) (ok bool, err error) {
	if p.Size.webhooks == 0 {
		p.Size = Full
	}
	if p.Seed == 0 {
		p.Seed = dice.Seed()
	}
	d := &drill{Params: p, Sheet: figure.NewSheet(p.Out)}
	d.Printf("seed %d\n", p.Seed)
	plan := newPlan(p.Seed, p.Size, p.Cluster)
	d.ledger = newLedger(plan.events)
	if d.assistants, err = startAssistants(d.ledger, plan.tenants); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, d.assistants.Close()) }()
	if d.graph, err = startGraph(); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, d.graph.Close()) }()
	if d.group, err = proc.New("drill"); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, d.group.Close()) }()
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
		return false, err
	}
	if err := d.play(ctx, plan); err != nil {
		return false, err
	}
	return d.End(), nil
}

// start starts Redis and the replicas.
func (d *drill) start(ctx context.Context, tenants []*tenant) (err error) {
	if d.place, err = d.startPlace(ctx); err != nil {
		return err
	}
	file, err := d.group.WriteFile("operator.yaml", []byte(operatorFile(
		d.place.url(), cmp.Or(d.durability, d.place.durability()), d.graph.Addr, d.assistants.Addr, d.Size.relay, tenants)))
	if err != nil {
		return err
	}
	if d.fleet, err = fleet.Start(ctx, fleet.Params{
		Group: d.group, Binary: d.Wagate, File: file, Size: replicas, Printf: d.Printf,
	}); err != nil {
		return err
	}
	d.provider = newProvider(d.ledger, d.graph, d.fleet, tenants)
	return nil
}

// play plays all parts and draws up the account.
func (d *drill) play(ctx context.Context, p plan) error {
	// Whoever still posts when this ends with an error stops before the rest does.
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

// calm plays what comes before the storm.
func (d *drill) calm(ctx context.Context, p plan) error {
	d.assistants.healed.Store(true)
	if err := d.provider.play(ctx, p.warm, time.Now()); err != nil {
		return err
	}
	if err := d.settled(ctx); err != nil {
		return err
	}
	// In the storm every one of its replies may fail.
	if err := fleet.Until(ctx, d.Size.drain, func() bool { return d.provider.repliesByGupshup(ctx, p.tenants) }); err != nil {
		return fmt.Errorf("reply by gupshup: %w", err)
	}
	d.assistants.healed.Store(false)
	return d.windows(ctx, p.windows)
}

// storm breaks things while everybody writes. All is mended when it returns.
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

// idle is after how long without anything to deliver wagate is taken to be done.
const idle = 3 * time.Second

// drain ends all trouble and waits until everything is acknowledged and has
// arrived and wagate has nothing more to deliver: what comes twice comes then. What
// is missing although wagate has had nothing to deliver for a while is not waited
// for. It is no error if that takes too long; the account tells. What wagate says is
// pending decides how long is waited, and nothing else.
func (d *drill) drain(ctx context.Context) {
	d.assistants.healed.Store(true)
	began, quiet := time.Now(), lull{}
	err := fleet.Until(ctx, d.Size.drain, func() bool {
		busy := d.fleet.Pending(ctx, "wagate_relay_pending") > 0 || d.ledger.open() > 0
		lasted := quiet.lasted(busy, time.Now())
		return !busy && d.ledger.missing() == 0 || lasted > idle
	})
	if err != nil || d.ledger.missing() > 0 {
		d.Printf("still on their way: %d events not acknowledged, %d not delivered\n", d.ledger.open(), d.ledger.missing())
	}
	d.Printf("drained for %.1fs\n", time.Since(began).Seconds())
}

// lull is since when nothing was seen under way.
type lull struct{ since time.Time }

// lasted takes in whether something is under way now, and returns how long nothing was seen to
// be. What nobody looked at does not count: a busy machine may look seldom.
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

// errUnsettled says that not everything arrived though nothing had been broken: there
// is no point in going on, and the account tells why.
var errUnsettled = errors.New("not everything arrived though nothing was broken")

// settled waits until all that was sent has been delivered.
func (d *drill) settled(ctx context.Context) error {
	d.provider.wait()
	if err := fleet.Until(ctx, d.Size.drain, func() bool { return d.ledger.missing() == 0 }); err != nil {
		d.Printf("%d events are still on their way: %v\n", d.ledger.missing(), errUnsettled)
		return errUnsettled
	}
	return nil
}
