package timers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hibiken/asynq"

	"wagate/followup"
	"wagate/scripts/benches/internal/bench"
)

// wait is the interval of the ladders' steps.
const wait = 30 * time.Minute

func later(int) time.Duration { return wait }

// schedule measures and judges how fast timers are set.
func (s *suite) schedule(ctx context.Context) error {
	n := s.sizes.timers
	runs, err := bench.Rounds(ctx, s.Bench, "schedule", s.sizes.rounds,
		s.ours(nameOurs, n, func(ctx context.Context, w *world) (rate, error) {
			return timed(ctx, w.redis, n, func() (time.Duration, error) { return w.arm(ctx, 0, n, sent, later) })
		}),
		s.theirs(func(ctx context.Context, r *rival) (rate, error) {
			return timed(ctx, r.redis, n, func() (time.Duration, error) {
				_, took, err := r.fill(ctx, n, func(int) asynq.Option { return asynq.ProcessIn(wait) })
				return took, err
			})
		}))
	if err != nil {
		return err
	}
	s.describe("schedule_asynq", runs[nameAsynq])
	s.against("schedule", runs[nameOurs], runs[nameAsynq], 1.6)
	return nil
}

// The two ways in which our steps end.
const (
	nameUnsent = "wagate unsent"
	nameSent   = "wagate sent"
)

// drain measures and judges how fast timers are worked off when all of them are due at once.
func (s *suite) drain(ctx context.Context) error {
	n := s.sizes.timers
	ours := func(ladder followup.Ladder) func(context.Context, *world) (rate, error) {
		return func(ctx context.Context, w *world) (rate, error) {
			if _, err := w.arm(ctx, 0, n, ladder, later); err != nil {
				return rate{}, err
			}
			return timed(ctx, w.redis, n, func() (time.Duration, error) { return w.workOff(ctx, n) })
		}
	}
	runs, err := bench.Rounds(ctx, s.Bench, "drain", s.sizes.rounds,
		s.ours(nameUnsent, n, ours(unsent)), s.ours(nameSent, n, ours(sent)),
		s.theirs(func(ctx context.Context, r *rival) (rate, error) { return r.workOff(ctx, n) }))
	if err != nil {
		return err
	}
	s.describe("drain_asynq", runs[nameAsynq])
	s.against("drain_unsent", runs[nameUnsent], runs[nameAsynq], 12)
	s.against("drain_sent", runs[nameSent], runs[nameAsynq], 5)
	return nil
}

// workOff makes all steps due and works them off.
func (w *world) workOff(ctx context.Context, n int) (time.Duration, error) {
	r := w.runner(provider{})
	w.ahead.Store(int64(wait + time.Second))
	began := time.Now()
	r.Start()
	err := w.until(ctx, n)
	took := time.Since(began)
	if err := errors.Join(err, r.Stop(ctx)); err != nil {
		return 0, err
	}
	return took, w.none(ctx)
}

// none checks that no step is left.
func (w *world) none(ctx context.Context) error {
	st, err := w.store.Stats(ctx, w.now(), time.Now())
	if err == nil && st.StepsPending != 0 {
		err = fmt.Errorf("%d steps are left", st.StepsPending)
	}
	return err
}

// workOff sets n timers for one instant and measures from the first handled task on, because how
// soon asynq looks is not what is measured.
func (r *rival) workOff(ctx context.Context, n int) (rate, error) {
	due := time.Now().Add(ahead(n) + time.Second).Truncate(time.Second)
	if _, _, err := r.fill(ctx, n, func(int) asynq.Option { return asynq.ProcessAt(due) }); err != nil {
		return rate{}, err
	}
	if time.Now().After(due) {
		return rate{}, errors.New("it took too long to set the timers")
	}
	time.Sleep(time.Until(due))
	return timed(ctx, r.redis, n, func() (time.Duration, error) { return r.serve(ctx, n, rivalCheck, nil) })
}

// cancel measures and judges how fast timers are called off: ours by a lead's message, asynq's by
// the id of the task.
func (s *suite) cancel(ctx context.Context) error {
	n := s.sizes.timers
	runs, err := bench.Rounds(ctx, s.Bench, "cancel", s.sizes.rounds,
		s.ours(nameOurs, n, func(ctx context.Context, w *world) (rate, error) {
			if _, err := w.arm(ctx, 0, n, sent, later); err != nil {
				return rate{}, err
			}
			r, err := timed(ctx, w.redis, n, func() (time.Duration, error) {
				return each(ctx, n, callers, func(ctx context.Context, i int) error { return w.reply(ctx, i, i, 1) })
			})
			return r, errors.Join(err, w.none(ctx))
		}),
		s.theirs(func(ctx context.Context, r *rival) (rate, error) {
			ids, _, err := r.fill(ctx, n, func(int) asynq.Option { return asynq.ProcessIn(wait) })
			if err != nil {
				return rate{}, err
			}
			inspector := asynq.NewInspector(r.opt)
			run, err := timed(ctx, r.redis, n, func() (time.Duration, error) {
				return each(ctx, n, rivalCallers, func(_ context.Context, i int) error { return inspector.DeleteTask(rivalQueue, ids[i]) })
			})
			return run, errors.Join(err, inspector.Close())
		}))
	if err != nil {
		return err
	}
	s.describe("cancel_asynq", runs[nameAsynq])
	s.against("cancel", runs[nameOurs], runs[nameAsynq], 2)
	return nil
}

// reply settles a lead's text, the n-th of all texts, and checks that it ends the given number of
// runs.
func (w *world) reply(ctx context.Context, lead, n, ends int) error {
	now := w.now()
	settled, err := w.store.Settle(ctx, followup.Settlement{
		Tenant: tenantOf(lead), Lead: w.leads[lead], Contact: w.lead(lead, "", 0).Contact(),
		Items: []followup.Item{{
			DedupID: fmt.Sprintf("wamid.%020d", n), Channel: channelOf(lead), Assistant: assistantOf(lead),
			At: now, Opens: true, Reply: true,
			Entry: &followup.Entry{From: followup.FromLead, Text: text, At: now},
			Relay: relayed(lead, n, now),
		}},
		Now: now, Real: time.Now(),
	})
	if err == nil && len(settled.Ended) != ends {
		err = fmt.Errorf("a reply ended %d runs, want %d", len(settled.Ended), ends)
	}
	return err
}

// ours returns wagate as a side, with a fresh world for each run.
func (s *suite) ours(name string, leads int, run func(context.Context, *world) (rate, error)) bench.Side[rate] {
	return bench.Side[rate]{Name: name, Run: func(ctx context.Context) (rate, error) {
		w, err := newWorld(ctx, s.Bench, leads)
		if err != nil {
			return rate{}, err
		}
		defer w.redis.Stop()
		return run(ctx, w)
	}}
}

// theirs returns asynq as a side, with a fresh Redis for each run.
func (s *suite) theirs(run func(context.Context, *rival) (rate, error)) bench.Side[rate] {
	return bench.Side[rate]{Name: nameAsynq, Run: func(ctx context.Context) (rate, error) {
		r, err := newRival(ctx, s.Bench)
		if err != nil {
			return rate{}, err
		}
		defer r.close()
		return run(ctx, r)
	}}
}
