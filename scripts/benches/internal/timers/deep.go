package timers

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"golang.org/x/sync/errgroup"

	"wagate/followup"
	"wagate/scripts/benches/internal/bench"
	"wagate/scripts/internal/figure"
)

// week is the time over which pending steps are spread.
const week = 7 * 24 * time.Hour

// deep measures and judges what many pending steps cost.
func (s *suite) deep(ctx context.Context) error {
	w, err := newWorld(ctx, s.Bench, 0)
	if err != nil {
		return err
	}
	defer w.redis.Stop()
	var few, many float64
	if few, err = s.pend(ctx, w, s.sizes.few); err != nil {
		return err
	}
	if many, err = s.pend(ctx, w, s.sizes.many-s.sizes.few); err != nil {
		return err
	}
	if s.Runs(partBytes) {
		if err := s.bytes(ctx, few/float64(s.sizes.few), (few+many)/float64(s.sizes.many)); err != nil {
			return err
		}
	}
	if s.Runs(partIdle) {
		if err := s.idle(ctx, w); err != nil {
			return err
		}
	}
	if s.Runs(partBehind) {
		return s.behind(ctx, w)
	}
	return nil
}

// chunk is how many runs are armed before their assistants are told.
const chunk = 50_000

// frozenKeys matches the keys in which wagate remembers for an hour that a delivery was finished;
// see package redisstore. A step waits longer than that.
const frozenKeys = "{p*}:f:*"

// pend makes n leads and arms a run for each. It returns by how many bytes the runs made Redis grow
// once their assistants were told.
func (s *suite) pend(ctx context.Context, w *world, n int) (float64, error) {
	from := len(w.leads)
	began := time.Now()
	if err := w.settleIn(ctx, n); err != nil {
		return 0, err
	}
	s.Printf("run pending wagate: %d leads in %.1f s\n", n, time.Since(began).Seconds())
	before, err := w.redis.Used(ctx)
	if err != nil {
		return 0, err
	}
	began = time.Now()
	for done := 0; done < n; done += chunk {
		if _, err := w.arm(ctx, from+done, min(chunk, n-done), sent, func(i int) time.Duration {
			return wait + time.Duration(float64(week)*float64(done+i)/float64(n))
		}); err != nil {
			return 0, err
		}
		if err := w.deliver(ctx); err != nil {
			return 0, err
		}
	}
	if err := w.redis.Forget(ctx, frozenKeys); err != nil {
		return 0, err
	}
	after, err := w.redis.Used(ctx)
	s.Printf("run pending wagate: %d runs in %.1f s, %d bytes\n", n, time.Since(began).Seconds(), after-before)
	return float64(after - before), err
}

// deliver lets the assistants take everything that waits for them, as the relay would.
func (w *world) deliver(ctx context.Context) error {
	for {
		list, next, err := w.store.ClaimDeliveries(ctx, followup.ClaimDeliveries{
			Real: time.Now(), Limit: 4096, MaxEvents: 20, MaxBytes: 1 << 20, Lease: time.Minute, Tenants: directory().Owners(),
		})
		if err != nil {
			return err
		}
		if len(list) == 0 && next > 0 {
			return nil
		}
		if _, err := each(ctx, len(list), callers, func(ctx context.Context, i int) error {
			return w.store.FinishDelivery(ctx, followup.FinishDelivery{Delivery: list[i], Delivered: true, Real: time.Now()})
		}); err != nil {
			return err
		}
	}
}

// bytes measures and judges how many bytes a pending step takes in Redis.
func (s *suite) bytes(ctx context.Context, few, many float64) error {
	r, err := newRival(ctx, s.Bench)
	if err != nil {
		return err
	}
	defer r.close()
	begin, err := r.redis.Used(ctx)
	if err != nil {
		return err
	}
	for _, of := range []struct {
		name string
		upTo int
		ours float64
	}{{"few", s.sizes.few, few}, {"many", s.sizes.many, many}} {
		added := of.upTo
		if of.name == "many" {
			added -= s.sizes.few
		}
		if _, _, err := r.fill(ctx, added, func(i int) asynq.Option {
			return asynq.ProcessIn(wait + time.Duration(float64(week)*float64(i)/float64(added)))
		}); err != nil {
			return err
		}
		used, err := r.redis.Used(ctx)
		if err != nil {
			return err
		}
		theirs := float64(used-begin) / float64(of.upTo)
		s.Printf("run bytes %d pending: wagate %.0f, asynq %.0f\n", of.upTo, of.ours, theirs)
		s.Figure(fmt.Sprintf("bytes_%s", of.name), of.ours)
		s.Figure(fmt.Sprintf("bytes_%s_asynq", of.name), theirs)
		s.Judge(fmt.Sprintf("bytes_%s_to_asynq", of.name), of.ours/theirs, figure.AtMost(0.45))
	}
	return nil
}

// idle measures and judges how much processor time a replica takes that has nothing to do.
func (s *suite) idle(ctx context.Context, w *world) error {
	alone, err := timed(ctx, w.redis, 1, func() (time.Duration, error) { return rest(ctx, s.sizes.idle/3) })
	if err != nil {
		return err
	}
	assistant, err := s.Refused()
	if err != nil {
		return err
	}
	wagate, err := s.StartWagate(ctx, w.redis, assistant, bench.Tenant{
		ID: string(tenantOf(0)), Assistant: string(assistantOf(0)), Channel: string(channelOf(0)),
	})
	if err != nil {
		return err
	}
	defer wagate.Stop()
	if _, err := rest(ctx, time.Second); err != nil {
		return err
	}
	before, err := wagate.CPU()
	if err != nil {
		return err
	}
	with, err := timed(ctx, w.redis, 1, func() (time.Duration, error) { return rest(ctx, s.sizes.idle) })
	if err != nil {
		return err
	}
	after, err := wagate.CPU()
	if err != nil {
		return err
	}
	replica := percent(after-before, with.took)
	s.Printf("run idle %d pending: wagate %.3f %%, redis %.3f %%, redis alone %.3f %% of a core, %.0f commands/s\n",
		s.sizes.many, replica, percent(with.redis.CPU, with.took), percent(alone.redis.CPU, alone.took),
		float64(with.redis.Commands)/with.took.Seconds())
	s.Figure("idle_redis_cpu_percent", percent(with.redis.CPU, with.took))
	s.Figure("idle_redis_alone_cpu_percent", percent(alone.redis.CPU, alone.took))
	s.Judge("idle_cpu_percent", replica, figure.AtMost(0.2))
	return nil
}

func percent(cpu, of time.Duration) float64 { return 100 * cpu.Seconds() / of.Seconds() }

// rest waits for d or until ctx ends, and returns how long it waited.
func rest(ctx context.Context, d time.Duration) (time.Duration, error) {
	select {
	case <-time.After(d):
		return d, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// pouring is how many callers settle webhooks, each one after the other.
const pouring = 16

// behind measures and judges how late steps are while webhooks pour in and many more steps wait.
func (s *suite) behind(ctx context.Context, w *world) error {
	n := int(s.sizes.steady.Seconds() * steadyRate)
	runs, err := bench.Rounds(ctx, s.Bench, "behind", s.sizes.long, bench.Side[lag]{
		Name: nameOurs, Run: func(ctx context.Context) (lag, error) {
			from := len(w.leads)
			if err := w.settleIn(ctx, n); err != nil {
				return lag{}, err
			}
			return w.steadyUnder(ctx, from, n)
		},
	})
	if err != nil {
		return err
	}
	s.Figure("behind_webhooks_per_s", figure.MedianOf(runs[nameOurs], func(l lag) float64 { return l.settled }))
	s.late("behind", runs[nameOurs], 100)
	return nil
}

// steadyUnder is steady while texts pour in from leads who have no run.
func (w *world) steadyUnder(ctx context.Context, from, n int) (lag, error) {
	writers, err := w.writers(ctx)
	if err != nil {
		return lag{}, err
	}
	pour, stop := context.WithCancel(ctx)
	defer stop()
	var texts atomic.Int64
	group, pour := errgroup.WithContext(pour)
	began := time.Now()
	for range pouring {
		group.Go(func() error {
			for pour.Err() == nil {
				i := int(texts.Add(1))
				err := w.reply(context.WithoutCancel(pour), writers+i%crowd, int(time.Now().UnixNano()), 0)
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	l, err := w.steady(ctx, from, n)
	l.settled = float64(texts.Load()) / time.Since(began).Seconds()
	stop()
	return l, errors.Join(err, group.Wait())
}

// crowd is how many leads write.
const crowd = 2000

// writers makes leads without a run and returns the index of the first.
func (w *world) writers(ctx context.Context) (int, error) {
	from := len(w.leads)
	return from, w.settleIn(ctx, crowd)
}
