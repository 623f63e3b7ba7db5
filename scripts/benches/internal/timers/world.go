package timers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"wagate/followup"
	"wagate/followup/redisstore"
	"wagate/followup/runner"
	"wagate/providers"
	"wagate/scripts/benches/internal/bench"
	"wagate/scripts/internal/proc"
)

// callers is how many callers use the store at once, like connections of the program.
const callers = 64

// world is wagate's side: a Redis, and the engine as the program wires it, in this process.
type world struct {
	redis *proc.Redis
	store *redisstore.Store
	leads []followup.LeadID
	ahead atomic.Int64 // domain time minus real time
	told  atomic.Int64 // number of outcomes recorded
}

// newWorld starts a Redis with the given number of leads and no run.
func newWorld(ctx context.Context, b *bench.Bench, leads int) (*world, error) {
	redis, err := b.StartRedis(ctx)
	if err != nil {
		return nil, err
	}
	client, err := redisstore.NewClient(redisstore.ClientParams{URL: redis.URL})
	if err != nil {
		return nil, err
	}
	w := &world{redis: redis}
	w.store, err = redisstore.Open(ctx, redisstore.Params{Client: client, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	for i := range tenants {
		for _, l := range []followup.Ladder{unsent, sent} {
			if err := w.store.SaveLadder(ctx, tenantOf(i), l.Hash(), l); err != nil {
				return nil, err
			}
		}
	}
	return w, w.settleIn(ctx, leads)
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// settleIn makes n more leads.
func (w *world) settleIn(ctx context.Context, n int) error {
	from := len(w.leads)
	for range n {
		w.leads = append(w.leads, followup.NewLeadID())
	}
	_, err := each(ctx, n, callers, func(ctx context.Context, i int) error {
		return w.put(ctx, from+i, nil)
	})
	return err
}

// lead returns the record of a lead with the given status and revision.
func (w *world) lead(i int, status string, revision int64) followup.Lead {
	return followup.Lead{
		ID: w.leads[i], Tenant: tenantOf(i), Name: "Maria Souza", Phone: phone(i),
		StatusID: status, Assistant: assistantOf(i), Channel: channelOf(i), Revision: revision,
	}
}

// put makes a lead, or changes its status so that a run is armed.
func (w *world) put(ctx context.Context, i int, arm *followup.Arm) error {
	return w.putAt(ctx, i, arm, w.now())
}

func (w *world) putAt(ctx context.Context, i int, arm *followup.Arm, now time.Time) error {
	p := followup.PutLead{Lead: w.lead(i, idleStatus, 0), Now: now, Real: time.Now()}
	if arm != nil {
		p.Lead, p.Arm, p.StatusChanged = w.lead(i, triggerStatus, 1), arm, true
	}
	run, err := w.store.PutLead(ctx, p)
	if err == nil && arm != nil && run == "" {
		err = errors.New("no run was armed")
	}
	return err
}

// arm arms a run for each of n leads, from index from on, and returns how long that took.
func (w *world) arm(ctx context.Context, from, n int, ladder followup.Ladder, wait func(i int) time.Duration) (time.Duration, error) {
	return each(ctx, n, callers, func(ctx context.Context, i int) error {
		return w.put(ctx, from+i, arming(from+i, ladder, wait(i)))
	})
}

func arming(i int, ladder followup.Ladder, wait time.Duration) *followup.Arm {
	return &followup.Arm{
		Config: configOf(i), Assistant: assistantOf(i), Channel: channelOf(i), Ladder: ladder.Hash(), Interval: wait,
	}
}

// runner returns a runner as the program wires it, but with the given sender and without what is
// behind it. The runner is not started.
func (w *world) runner(sender followup.Sender) *runner.Runner {
	registry := prometheus.NewRegistry()
	return runner.New(runner.Params{
		Store: w.store, Sender: sender, Writer: nobody{}, Templates: nobody{}, Directory: directory(),
		Told: func() { w.told.Add(1) }, Now: w.now, Real: time.Now, Speed: 1, MaxLateness: 6 * time.Hour,
		Steps: followup.NewMetrics(registry), Registry: registry, Logger: slog.New(slog.DiscardHandler),
	})
}

// until waits until n outcomes were recorded since the last call.
func (w *world) until(ctx context.Context, n int) error {
	tick := time.NewTicker(500 * time.Microsecond)
	defer tick.Stop()
	for w.told.Load() < int64(n) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d steps ended: %w", w.told.Load(), n, ctx.Err())
		case <-tick.C:
		}
	}
	w.told.Store(0)
	return nil
}

// nobody is a writer and a template registry: it writes nothing and knows no template.
type nobody struct{}

func (nobody) Write(context.Context, followup.Brief) (string, error) {
	return "", followup.ErrAIUnavailable
}

func (nobody) Template(context.Context, followup.ChannelID, string, string) (providers.TemplateInfo, bool, error) {
	return providers.TemplateInfo{}, false, nil
}

// provider takes everything that the guard lets pass, at once.
type provider struct {
	took func(i int) // called with the index of the lead; may be nil
}

// Send implements followup.Sender.
func (p provider) Send(
	ctx context.Context, _ followup.ChannelID, m providers.Message, guard followup.Guard,
) (followup.SendResult, error) {
	v, err := guard(ctx, "")
	if err != nil || v.Refusal != followup.Allowed {
		return followup.SendResult{Refusal: v.Refusal}, err
	}
	if p.took != nil {
		i, err := strconv.Atoi(m.To.Phone[len(phonePrefix):])
		if err != nil {
			return followup.SendResult{}, err
		}
		p.took(i)
	}
	return followup.SendResult{Attempt: v.Attempt, Sent: providers.Sent{ID: "wamid." + string(v.Attempt)}}, nil
}

// each calls do for 0 to n-1, atOnce at a time, and returns how long that took.
func each(ctx context.Context, n, atOnce int, do func(ctx context.Context, i int) error) (time.Duration, error) {
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	for range atOnce {
		group.Go(func() error {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(ctx, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return time.Since(began), err
}
