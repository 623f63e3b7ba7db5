package timers

import (
	"context"
	"fmt"
	"time"

	"wagate/scripts/benches/internal/bench"
	"wagate/scripts/internal/figure"
	"wagate/scripts/internal/proc"
)

// The names of the sides that are compared.
const (
	nameOurs  = "wagate"
	nameAsynq = "asynq"
)

// rate is how fast something was done n times, and what that cost.
type rate struct {
	n     int
	took  time.Duration
	cpu   time.Duration // of this process
	redis proc.Counters
}

// timed calls do, which does something n times and returns how long it took, and measures it.
func timed(ctx context.Context, redis *proc.Redis, n int, do func() (time.Duration, error)) (rate, error) {
	before, err := redis.Counters(ctx)
	if err != nil {
		return rate{}, err
	}
	cpu := bench.CPU()
	took, err := do()
	if err != nil {
		return rate{}, err
	}
	cpu = bench.CPU() - cpu
	after, err := redis.Counters(ctx)
	return rate{n: n, took: took, cpu: cpu, redis: after.Sub(before)}, err
}

func (r rate) perSecond() float64 { return float64(r.n) / r.took.Seconds() }

func (r rate) micros(d time.Duration) float64 { return float64(d.Microseconds()) / float64(r.n) }

// String formats the result of a run.
func (r rate) String() string {
	return fmt.Sprintf("%d in %.2f s, %.0f/s, CPU %.0f + %.0f us of redis, redis commands %.1f in %.1f us, reads %.2f",
		r.n, r.took.Seconds(), r.perSecond(), r.micros(r.cpu), r.micros(r.redis.CPU),
		float64(r.redis.Commands)/float64(r.n), r.micros(r.redis.Within), float64(r.redis.Reads)/float64(r.n))
}

// against judges a side against another by their medians. It also adds the ratio that would result
// if only the commands that our scripts call took time.
func (s *suite) against(name string, ours, asynq []rate, aim float64) {
	s.describe(name, ours)
	theirs := figure.MedianOf(asynq, rate.perSecond)
	alone := 1e6 / figure.MedianOf(ours, func(r rate) float64 { return r.micros(r.redis.Within) })
	s.Figure(name+"_commands_alone_to_asynq", alone/theirs)
	s.Judge(name+"_to_asynq", figure.MedianOf(ours, rate.perSecond)/theirs, figure.AtLeast(aim))
}

func (s *suite) describe(name string, runs []rate) {
	s.Figure(name+"_per_s", figure.MedianOf(runs, rate.perSecond))
	s.Figure(name+"_cpu_us", figure.MedianOf(runs, func(r rate) float64 { return r.micros(r.cpu) }))
	s.Figure(name+"_redis_cpu_us", figure.MedianOf(runs, func(r rate) float64 { return r.micros(r.redis.CPU) }))
}
