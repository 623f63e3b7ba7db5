package timers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"wagate/followup/poll"
	"wagate/scripts/drills/internal/dice"
	"wagate/scripts/drills/internal/fleet"
	"wagate/scripts/drills/internal/loopback"
	"wagate/scripts/drills/internal/stage"
)

// sizes are how much the drill does.
type sizes struct {
	speed    speed          // speed of domain time
	leads    map[string]int // by tenant
	storm    time.Duration  // time within which leads get their status
	rage     time.Duration  // time within which things break
	single   blows
	cluster  blows
	takeOver time.Duration // a master that is silent for so long is replaced; 0: only a killed one is
	stubborn bool          // some steps are put off for a minute
	drain    time.Duration // how long everything may take to end
}

// The sizes.
var (
	full = sizes{
		speed: 900, leads: map[string]int{"big": 14_000, "both": 2500, "plain": 2500, "seed": 1000}, storm: 110 * time.Second, rage: 190 * time.Second,
		single:  blows{wagate: 190, redis: 9, flushes: 15},
		cluster: blows{wagate: 190, masters: 6, slots: 12, flushes: 12}, takeOver: 2 * time.Second, stubborn: true, drain: 75 * time.Second,
	}
	short = sizes{
		speed: 900, leads: map[string]int{"big": 1200, "both": 300, "plain": 300}, storm: 14 * time.Second, rage: 20 * time.Second,
		single:  blows{wagate: 20, redis: 2, flushes: 2},
		cluster: blows{wagate: 20, masters: 1, slots: 3, flushes: 2}, takeOver: 2 * time.Second, drain: 20 * time.Second,
	}
)

// replicas is how many wagates share the work.
const replicas = 4

// drill is one run of the drill.
type drill struct {
	*stage.Stage

	sizes   sizes
	place   place
	fleet   *fleet.Fleet
	journal *journal
	crowd   *crowd
	graph   *graph
	leads   []*lead
	closers []func() error
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
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		err = errors.Join(err, d.close())
	}()
	throws := dice.New(d.Seed)
	tenants := newTenants(n.leads["seed"] > 0)
	d.leads = newLeads(throws, tenants, n)
	list := d.blows(throws)
	if err := d.start(ctx, tenants); err != nil {
		return err
	}
	return d.play(ctx, list)
}

// close stops everything, last in first out.
func (d *drill) close() error {
	if d.fleet != nil {
		d.fleet.Wait()
	}
	var errs []error
	for _, c := range slices.Backward(d.closers) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// blows plans the faults.
func (d *drill) blows(throws dice.Dice) []blow {
	n := d.sizes.single
	of := blowsOfSingle
	if d.Cluster {
		n, of = d.sizes.cluster, blowsOfCluster
	}
	return append(blowsOfWagate(throws, n.wagate, d.sizes.rage), of(throws, n, d.sizes.rage)...)
}

// start starts the simulators, Redis and wagate.
func (d *drill) start(ctx context.Context, tenants []*tenant) (err error) {
	d.journal = newJournal(d.leads)
	throws := &luck{dice: dice.New(d.Seed + 1)}
	if d.graph, err = startGraph(ctx, d.journal, throws, tenants, d.sizes.stubborn); err != nil {
		return err
	}
	// By the time this closer runs, no call can add receipts any more.
	d.closers = append(d.closers, func() error { d.graph.posting.Wait(); return nil }, d.graph.Close)
	m, err := startModel(d.journal, throws)
	if err != nil {
		return err
	}
	d.closers = append(d.closers, m.Close)
	go m.forget(ctx)
	// The assistants take everything. What they are told is the inbound drill's subject.
	assistants, err := loopback.Listen("assistants", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		d.journal.deliveries.Add(1)
	})
	if err != nil {
		return err
	}
	d.closers = append(d.closers, assistants.Close)
	if d.Cluster {
		d.place, err = startCluster(d)
	} else {
		d.place, err = startSingle(ctx, d.Group)
	}
	if err != nil {
		return err
	}
	raw, err := operatorFile(addresses{
		redis: d.place.url(), graph: d.graph.URL(), model: m.URL(), assistants: assistants.Addr,
	}, d.place.durability(), d.sizes.speed, tenants)
	if err != nil {
		return fmt.Errorf("write operator's file: %w", err)
	}
	file, err := d.WriteFile("operator.yaml", raw)
	if err != nil {
		return err
	}
	if d.fleet, err = fleet.Start(ctx, fleet.Params{
		Group: d.Group, Binary: d.Wagate, File: file, Size: replicas, Printf: d.Printf,
	}); err != nil {
		return err
	}
	return d.meet(ctx, tenants)
}

// meeting bounds how long the configuration of all tenants may take.
const meeting = 2 * time.Minute

// meet configures the tenants and reads the clock.
func (d *drill) meet(ctx context.Context, tenants []*tenant) error {
	a := newAPI(d.fleet, d.journal)
	d.graph.api = a
	within, cancel := context.WithTimeout(ctx, meeting)
	defer cancel()
	for _, t := range tenants {
		switch status := a.ask(within, t, http.MethodPost, "/backend/followup/configs", t.config(), nil); status {
		case http.StatusCreated, http.StatusConflict: // an earlier try succeeded, but its answer was lost
		default:
			return fmt.Errorf("configure %s: status %d", t.name, status)
		}
	}
	c, err := readClock(ctx, a, tenants[0], d.sizes.speed)
	if err != nil {
		return err
	}
	d.Printf("domain time is known to %s, which is %s of it\n", c.lag, c.lag*time.Duration(c.speed))
	d.crowd = &crowd{api: a, graph: d.graph, journal: d.journal, clock: c}
	return nil
}

// play plays the storm, waits for the end and draws up the account.
func (d *drill) play(ctx context.Context, list []blow) error {
	began := time.Now()
	v := &vandal{fleet: d.fleet, place: d.place, printf: d.Printf, done: map[blowKind]int{}}
	raged := make(chan error, 1)
	go func() { raged <- v.rage(ctx, list, began) }()
	d.crowd.play(ctx, d.leads, began)
	if err := <-raged; err != nil {
		return fmt.Errorf("storm: %w", err)
	}
	d.Printf("storm over after %.1fs\n", time.Since(began).Seconds())
	if err := d.drain(ctx); err != nil {
		return err
	}
	d.Printf("all over after %.1fs\n", time.Since(began).Seconds())
	return d.account(v.done)
}

// drain waits until every run has ended, as the API says, and all receipts were taken. It is no
// error if that takes too long: the account shows what is missing. What wagate says is pending
// decides only how long drain waits.
func (d *drill) drain(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, d.sizes.drain)
	defer cancel()
	for said := time.Now(); poll.Sleep(within, 200*time.Millisecond) == nil; {
		n := d.fleet.Pending(within, "wagate_followup_pending")
		if n == 0 {
			break
		}
		if time.Since(said) > 10*time.Second {
			said = time.Now()
			d.Printf("%.0f steps are still to come\n", n)
		}
	}
	for d.graph.underWay.Load() > 0 && poll.Sleep(within, 10*time.Millisecond) == nil {
	}
	if within.Err() != nil {
		d.Printf("not all has ended within %s\n", d.sizes.drain)
	}
	live := readRuns(ctx, d.crowd.api, d.crowd.clock, d.leads)
	for len(live) > 0 && poll.Sleep(within, time.Second) == nil {
		live = readRuns(ctx, d.crowd.api, d.crowd.clock, live)
	}
	return ctx.Err()
}
