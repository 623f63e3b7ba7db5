package timers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"

	"wagate/scripts/benches/internal/bench"
	"wagate/scripts/internal/figure"
)

// steadyRate is how many steps become due per second.
const steadyRate = 1000

// lag is how late the steps of a run were, sorted, and how many came before they were due.
type lag struct {
	late    []time.Duration
	early   int
	settled float64 // webhooks settled per second meanwhile
}

func (l lag) p50() float64 { return figure.Milliseconds(figure.Quantile(l.late, 0.5)) }
func (l lag) p99() float64 { return figure.Milliseconds(figure.Quantile(l.late, 0.99)) }
func (l lag) max() float64 { return figure.Milliseconds(figure.Quantile(l.late, 1)) }

// String formats the result of a run.
func (l lag) String() string {
	line := fmt.Sprintf("%d due, p50 %.2f p99 %.2f max %.1f ms late, %d early", len(l.late), l.p50(), l.p99(), l.max(), l.early)
	if l.settled > 0 {
		line += fmt.Sprintf(", %.0f webhooks/s", l.settled)
	}
	return line
}

// timetable is a sequence of instants and when the step due at each of them came.
type timetable struct {
	begin time.Time
	came  []atomic.Int64 // Unix nanoseconds
}

func newTimetable(begin time.Time, n int) *timetable {
	return &timetable{begin: begin.Truncate(time.Millisecond), came: make([]atomic.Int64, n)}
}

func (t *timetable) due(i int) time.Time {
	return t.begin.Add(time.Duration(i) * time.Second / steadyRate)
}
func (t *timetable) took(i int) { t.came[i].Store(time.Now().UnixNano()) }

// lag returns how late all steps were compared with when they were due.
func (t *timetable) lag() (lag, error) {
	var l lag
	for i := range t.came {
		at := t.came[i].Load()
		if at == 0 {
			return l, fmt.Errorf("step %d never came", i)
		}
		late := time.Unix(0, at).Sub(t.due(i))
		if late < 0 {
			l.early++
		}
		l.late = append(l.late, late)
	}
	slices.Sort(l.late)
	return l, nil
}

// lateness measures and judges how late steps are that become due one after the other.
func (s *suite) lateness(ctx context.Context) error {
	n := int(s.sizes.steady.Seconds() * steadyRate)
	runs, err := bench.Rounds(ctx, s.Bench, "lateness", s.sizes.long,
		bench.Side[lag]{Name: nameOurs, Run: func(ctx context.Context) (lag, error) {
			w, err := newWorld(ctx, s.Bench, n)
			if err != nil {
				return lag{}, err
			}
			defer w.redis.Stop()
			return w.steady(ctx, 0, n)
		}},
		bench.Side[lag]{Name: nameAsynq, Run: func(ctx context.Context) (lag, error) {
			r, err := newRival(ctx, s.Bench)
			if err != nil {
				return lag{}, err
			}
			defer r.close()
			return r.steady(ctx, n)
		}})
	if err != nil {
		return err
	}
	s.Figure("lateness_asynq_p99_ms", figure.MedianOf(runs[nameAsynq], lag.p99))
	s.late("lateness", runs[nameOurs], 20)
	return nil
}

// late adds how late the runs of a side were to the figures.
func (s *suite) late(name string, runs []lag, aim float64) {
	s.Figure(name+"_p50_ms", figure.MedianOf(runs, lag.p50))
	s.Figure(name+"_max_ms", figure.MedianOf(runs, lag.max))
	s.Judge(name+"_p99_ms", figure.MedianOf(runs, lag.p99), figure.AtMost(aim))
	early := 0
	for _, r := range runs {
		early += r.early
	}
	s.Judge(name+"_early", float64(early), figure.AtMost(0))
}

// ahead is how long before the first of n steps is due the benchmark begins to set them.
func ahead(n int) time.Duration { return time.Second/2 + time.Duration(n)*200*time.Microsecond }

// steady lets n steps become due one after the other, for the leads from index from on.
func (w *world) steady(ctx context.Context, from, n int) (lag, error) {
	t := newTimetable(time.Now().Add(ahead(n)), n)
	if _, err := each(ctx, n, callers, func(ctx context.Context, i int) error {
		now := time.Now().Truncate(time.Millisecond)
		return w.putAt(ctx, from+i, arming(from+i, sent, t.due(i).Sub(now)), now)
	}); err != nil {
		return lag{}, err
	}
	if time.Now().After(t.begin) {
		return lag{}, errors.New("it took too long to set the timers")
	}
	r := w.runner(provider{took: func(i int) { t.took(i - from) }})
	r.Start()
	if err := errors.Join(w.until(ctx, n), r.Stop(ctx)); err != nil {
		return lag{}, err
	}
	return t.lag()
}

func (r *rival) steady(ctx context.Context, n int) (lag, error) {
	t := newTimetable(time.Now().Add(ahead(n)), n)
	if _, _, err := r.fill(ctx, n, func(i int) asynq.Option { return asynq.ProcessAt(t.due(i)) }); err != nil {
		return lag{}, err
	}
	if _, err := r.serve(ctx, n, 0, t.took); err != nil {
		return lag{}, err
	}
	return t.lag()
}
