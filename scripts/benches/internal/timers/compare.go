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

// wait is that of the ladders' steps.
const wait = 30 * time.Minute

func later(int) time.Duration { return wait }

// schedule judges how fast timers are set.
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

// drain judges how fast timers are worked off that are all due at once.
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

// workOff lets everything become due and has it worked off.
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

// workOff sets n timers for one instant and measures from when the first was
// handled: how soon it looks is not what is asked.
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

// cancel judges how fast timers are called off: by a lead who writes, and by whoever
// knows the task's id.
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

// reply settles the n-th text of all, which a lead has written and which ends so
// many runs.
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

// ours makes wagate a side: a fresh world for each run.
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

// theirs makes asynq one.
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
