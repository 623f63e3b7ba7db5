package outbound_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"wagate/followup"
	"wagate/followup/redisstore"
	"wagate/followup/redisstore/redistest"
	"wagate/followup/runner"
	"wagate/gateway/internal/outbound"
	"wagate/providers"
)

// sizes returns how many steps became overdue in the outage, and how many of the big tenant's are
// fresh enough to be sent. The big tenant has nearly all the overdue steps.
func sizes() (overdue, freshOfBig int) {
	if raceDetector {
		return 5000, 600
	}
	return 50_000, 3000
}

const (
	outageFor    = 31 * time.Hour
	smallTenants = 10
	ofSmall      = 60  // overdue steps of each small tenant; half of them are fresh
	bigRate      = 500 // messages a second
	smallRate    = 100 // messages a second
	burst        = 20
	perTenant    = 32
)

// outageClock is a domain clock that runs outageSpeed times as fast as real time. An outage moves
// it ahead.
type outageClock struct {
	began time.Time
	ahead atomic.Int64
}

const outageSpeed = 10

func (c *outageClock) now() time.Time {
	return c.began.Add(outageSpeed*time.Since(c.began) + time.Duration(c.ahead.Load()))
}

// customer is a tenant with one channel and its overdue steps.
type customer struct {
	tenant    followup.TenantID
	assistant followup.AssistantID
	channel   followup.ChannelID
	config    followup.ConfigID
	leads     []followup.LeadID
	due       []time.Time // when each lead's step was due
	rate      float64     // messages a second of the channel
}

// callLog is the simulated provider's log of the calls for all channels.
type callLog struct {
	mu    sync.Mutex
	calls []loggedCall
}

type loggedCall struct {
	channel followup.ChannelID
	lead    int // index in the customer's leads
	at      time.Time
}

// loggingProvider is the provider of one channel. It accepts and logs every message.
type loggingProvider struct {
	log     *callLog
	channel followup.ChannelID
}

func (p loggingProvider) Send(_ context.Context, m providers.Message) (providers.Sent, error) {
	at := time.Now()
	lead, err := strconv.Atoi(m.To.Phone[4:])
	if err != nil {
		return providers.Sent{}, err
	}
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	p.log.calls = append(p.log.calls, loggedCall{p.channel, lead, at})
	return providers.Sent{ID: fmt.Sprintf("wamid.%s.%d", p.channel, lead)}, nil
}

// silent is a model that is never available and a template registry that knows no template.
type silent struct{}

func (silent) Write(context.Context, followup.Brief) (string, error) {
	return "", followup.ErrAIUnavailable
}

func (silent) Template(context.Context, followup.ChannelID, string, string) (providers.TemplateInfo, bool, error) {
	return providers.TemplateInfo{}, false, nil
}

// outage is a store full of overdue steps, with what is needed to run the engine on them and to
// check the result.
type outage struct {
	*testing.T
	overdue, freshOfBig int
	clock               *outageClock
	store               *redisstore.Store
	customers           []*customer // the first is the big tenant
	ladder              followup.Ladder
	log                 callLog
	ended               atomic.Int64 // steps ended
}

// each calls do n times, up to 128 calls at once, and fails the test with the first error.
func (o *outage) each(n int, do func(ctx context.Context, i int) error) {
	o.Helper()
	group, ctx := errgroup.WithContext(o.Context())
	group.SetLimit(128)
	for i := range n {
		group.Go(func() error { return do(ctx, i) })
	}
	if err := group.Wait(); err != nil {
		o.Fatal(err)
	}
}

// arm arms a run for each lead of a customer. The steps of the fresh ones were due within the last
// three hours of the outage, those of the others 7 to 30 hours before its end.
func (o *outage) arm(c *customer, leads, fresh int, end time.Time) {
	o.Helper()
	if err := o.store.SaveLadder(o.Context(), c.tenant, o.ladder.Hash(), o.ladder); err != nil {
		o.Fatal(err)
	}
	for i := range leads {
		late := time.Duration(i) * 3 * time.Hour / time.Duration(fresh) // half of the lateness allowed, for slow machines
		if i >= fresh {
			late = 7*time.Hour + time.Duration(i-fresh)*23*time.Hour/time.Duration(leads-fresh)
		}
		c.leads, c.due = append(c.leads, followup.NewLeadID()), append(c.due, end.Add(-late).Truncate(time.Millisecond))
	}
	wait := o.ladder.Steps[0].Wait()
	o.each(leads, func(ctx context.Context, i int) error {
		run, err := o.store.PutLead(ctx, followup.PutLead{
			Lead: followup.Lead{
				ID: c.leads[i], Tenant: c.tenant, Phone: fmt.Sprintf("1555%09d", i), StatusID: "s", Assistant: c.assistant, Channel: c.channel,
			},
			StatusChanged: true, Now: c.due[i].Add(-wait), Real: time.Now(),
			Arm: &followup.Arm{
				Config: c.config, Assistant: c.assistant, Channel: c.channel, Ladder: o.ladder.Hash(), Interval: wait,
			},
		})
		if err == nil && run == "" {
			err = fmt.Errorf("lead %d: no run was armed", i)
		}
		return err
	})
}

// engine returns the engine as the program wires it, with the simulated provider behind it.
func (o *outage) engine() *runner.Runner {
	registry, logger := prometheus.NewRegistry(), slog.New(slog.DiscardHandler)
	var lines []outbound.Line
	var tenants []followup.Tenant
	for _, c := range o.customers {
		channel := followup.Channel{ID: c.channel, Tenant: c.tenant, Provider: providers.Meta, Assistant: c.assistant}
		lines = append(lines, outbound.Line{
			Channel: channel, Provider: loggingProvider{&o.log, c.channel}, PerSecond: c.rate, Burst: burst,
		})
		tenants = append(tenants, followup.Tenant{
			ID: c.tenant, Assistants: []followup.Assistant{{ID: c.assistant}}, Channels: []followup.Channel{channel},
		})
	}
	steps := followup.NewMetrics(registry)
	return runner.New(runner.Params{
		Store: o.store, Writer: silent{}, Templates: silent{}, Directory: followup.NewDirectory(tenants),
		Sender: outbound.New(outbound.Params{
			Store: o.store, Lines: lines, Now: o.clock.now, Real: time.Now, Steps: steps, Registry: registry, Logger: logger,
		}).ForSteps(),
		Told: func() { o.ended.Add(1) },
		Now:  o.clock.now, Real: time.Now, Speed: outageSpeed, MaxLateness: followup.DefaultMaxLateness, PerTenant: perTenant,
		Steps: steps, Registry: registry, Logger: logger,
	})
}

// until waits until n steps have ended.
func (o *outage) until(n int) {
	o.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for o.ended.Load() < int64(n) {
		select {
		case <-o.Context().Done():
			o.Fatalf("got %d steps ended, want %d", o.ended.Load(), n)
		case <-tick.C:
		}
	}
}

// TestI7FiftyThousandOverdueSteps: 50,000 steps became overdue in an outage, nearly all of them of
// one tenant. Those that are not too late are sent at the channels' pace, freshest first, one
// message per lead. The others are skipped as too_late.
func TestI7FiftyThousandOverdueSteps(t *testing.T) {
	overdue, freshOfBig := sizes()
	o := &outage{
		T: t, overdue: overdue, freshOfBig: freshOfBig, clock: &outageClock{began: time.Now()},
		ladder: followup.Ladder{Steps: []followup.Step{
			{Interval: "PT30M", TemplateName: "one", TemplateLanguage: "pt_BR"},
			{Interval: "P1D", TemplateName: "two", TemplateLanguage: "pt_BR"},
		}},
	}
	var err error
	if o.store, err = redisstore.Open(t.Context(), redisstore.Params{Client: redistest.Start(t).Client(), Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	end := o.clock.began.Add(outageFor)
	began := time.Now()
	for i := range 1 + smallTenants {
		c := &customer{
			tenant: followup.TenantID(uuid.NewString()), assistant: followup.AssistantID(uuid.NewString()),
			channel: followup.ChannelID(uuid.NewString()), config: followup.ConfigID(uuid.NewString()), rate: smallRate,
		}
		o.customers = append(o.customers, c)
		if i == 0 {
			c.rate = bigRate
			o.arm(c, overdue-smallTenants*ofSmall, freshOfBig, end)
		} else {
			o.arm(c, ofSmall, ofSmall/2, end)
		}
	}
	t.Logf("%d steps armed in %v", overdue, time.Since(began).Round(time.Millisecond))

	o.clock.ahead.Store(int64(outageFor))
	began = time.Now()
	r := o.engine()
	r.Start()
	o.until(overdue)
	t.Logf("ended in %v", time.Since(began).Round(time.Millisecond))
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.checkTimelines()
	for i, c := range o.customers {
		var mine []loggedCall
		for _, call := range o.log.calls {
			if call.channel == c.channel {
				mine = append(mine, call)
			}
		}
		fresh := ofSmall / 2
		if i == 0 {
			fresh = freshOfBig
		}
		o.checkOnce(c, mine, fresh)
		o.checkPace(c, mine)
		o.checkFreshestFirst(mine)
	}
}

// checkTimelines checks that each fresh step was sent and each stale step was skipped as too_late,
// and that each run's next step is armed.
func (o *outage) checkTimelines() {
	o.Helper()
	story := map[string]int{}
	var mu sync.Mutex
	for _, c := range o.customers {
		o.each(len(c.leads), func(ctx context.Context, i int) error {
			run, err := o.store.Run(ctx, c.tenant, c.leads[i].Run(1))
			if err != nil {
				return err
			}
			if len(run.Timeline) != 2 || run.State != followup.RunArmed {
				return fmt.Errorf("lead %d: got %d timeline entries in a run that is %s, want one step ended and the next armed", i, len(run.Timeline), run.State)
			}
			m := run.Timeline[0]
			late := "fresh"
			if o.clock.began.Add(outageFor).Sub(c.due[i]) > followup.DefaultMaxLateness {
				late = "stale"
			}
			if !m.DueAt.Equal(c.due[i]) {
				return fmt.Errorf("lead %d: got due at %v, want %v", i, m.DueAt, c.due[i])
			}
			mu.Lock()
			defer mu.Unlock()
			story[fmt.Sprintf("%s %s/%s", late, m.Outcome, m.Reason)]++
			return nil
		})
	}
	fresh := o.freshOfBig + smallTenants*ofSmall/2
	want := map[string]int{"fresh sent/template": fresh, "stale skipped/too_late": o.overdue - fresh}
	if fmt.Sprint(story) != fmt.Sprint(want) {
		o.Errorf("timelines: got %v, want %v", story, want)
	}
}

// checkOnce checks that each lead with a fresh step got one message and no other lead got any.
func (o *outage) checkOnce(c *customer, calls []loggedCall, fresh int) {
	o.Helper()
	got := map[int]int{}
	for _, call := range calls {
		got[call.lead]++
	}
	for lead, n := range got {
		if n != 1 || lead >= fresh {
			o.Errorf("%s: got %d messages to lead %d, want one to each of the first %d", c.channel, n, lead, fresh)
			return
		}
	}
	if len(got) != fresh {
		o.Errorf("%s: got messages to %d leads, want %d", c.channel, len(got), fresh)
	}
}

// checkPace checks that no stretch of consecutive calls is faster than the channel's pace allows.
// The bound adds the burst, and one call per worker, because calls that got their slots earlier may
// have been held up.
func (o *outage) checkPace(c *customer, calls []loggedCall) {
	o.Helper()
	times := make([]time.Time, len(calls))
	for i, call := range calls {
		times[i] = call.at
	}
	slices.SortFunc(times, time.Time.Compare)
	for _, n := range []int{100, 300, 1000, 3000} {
		for i := 0; i+n <= len(times); i++ {
			within := times[i+n-1].Sub(times[i])
			if most := int(c.rate*within.Seconds()) + 1 + burst + perTenant; n > most {
				o.Errorf("%s: got %d calls within %v, want %d at most", c.channel, n, within, most)
				return
			}
		}
	}
}

// checkFreshestFirst checks that steps were sent freshest first. Workers may overtake each other,
// so a step may be off its place, but on average by no more places than there are workers.
func (o *outage) checkFreshestFirst(calls []loggedCall) {
	o.Helper()
	var off int
	for i, call := range calls {
		off += max(i-call.lead, call.lead-i) // the freshest is lead 0
	}
	if len(calls) > 0 && off > perTenant*len(calls) {
		o.Errorf("got steps sent %d places away from their place by lateness on average, want at most %d", off/len(calls), perTenant)
	}
}
