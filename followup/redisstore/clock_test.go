package redisstore

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// trueClock is the true time, and how far Redis' clock is away from it. It is also a client hook.
type trueClock struct {
	true  time.Duration // the true time, since epoch
	redis time.Duration // how far Redis' clock is ahead
}

// DialHook and the other two hooks answer TIME with Redis' clock.
func (*trueClock) DialHook(next redis.DialHook) redis.DialHook { return next }

func (k *trueClock) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if asked, ok := cmd.(*redis.TimeCmd); ok {
			asked.SetVal(epoch.Add(k.true + k.redis))
			return nil
		}
		return next(ctx, cmd)
	}
}

func (*trueClock) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// replica is a process on a machine with a clock of its own.
type replica struct {
	*Store
	wall  time.Duration // how far the machine's clock is ahead
	slept time.Duration // how long the machine has slept since the process began
	began time.Duration // when the process began, in true time
}

// start starts a replica on a machine whose clock is ahead by wall.
func (k *trueClock) start(t *testing.T, client *redis.Client, wall time.Duration, reg prometheus.Registerer) *replica {
	t.Helper()
	r := &replica{wall: wall, began: k.true}
	client.AddHook(k)
	r.Store = openStore(t, Params{
		Client: client, Registerer: reg,
		Wall:    func() time.Time { return epoch.Add(k.true + r.wall) },
		Elapsed: func() time.Duration { return k.true - r.began - r.slept },
	})
	return r
}

// ahead returns how far the replica's real time is ahead of the true time.
func (r *replica) ahead(k *trueClock) time.Duration { return r.Real().Sub(epoch.Add(k.true)) }

// look calls Check and returns its report.
func (r *replica) look(t *testing.T) Report {
	t.Helper()
	report, err := r.Check(t.Context())
	if err != nil {
		t.Fatalf("Check: %v", err)
	}
	return report
}

// pass lets time pass, while all replicas look at Redis as often as Watch does.
func (k *trueClock) pass(t *testing.T, d time.Duration, all ...*replica) {
	t.Helper()
	for end := k.true + d; k.true < end; {
		k.true = min(end, k.true+watchEvery)
		for _, r := range all {
			r.look(t)
		}
	}
}

// TestI12ReplicasAgreeWhateverTheirClocks starts replicas on machines whose clocks differ, and sets
// one of these clocks while its replica runs. All replicas must keep the true time.
func TestI12ReplicasAgreeWhateverTheirClocks(t *testing.T) {
	t.Parallel()
	server, k, reg := redistest.Start(t), &trueClock{}, prometheus.NewRegistry()
	a := k.start(t, server.Client(), 0, nil)
	b := k.start(t, server.Client(), 5*time.Second, reg)
	c := k.start(t, server.Client(), -5*time.Second, nil)
	all := []*replica{a, b, c}
	for _, set := range []time.Duration{5 * time.Second, time.Hour, -time.Hour, 3 * time.Second} {
		b.wall = set
		for range 3 { // before the replicas ask Redis again, and after
			for i, r := range all {
				if got := r.ahead(k); got != 0 {
					t.Errorf("replica %d, with one machine's clock %v ahead: got its time %v ahead, want 0s", i, set, got)
				}
			}
			k.pass(t, watchEvery, all...)
		}
		want := "# HELP wagate_redis_clock_offset_seconds Clock of Redis minus the clock of this process.\n" +
			"# TYPE wagate_redis_clock_offset_seconds gauge\n" +
			"wagate_redis_clock_offset_seconds " + strconv.FormatFloat(-set.Seconds(), 'f', -1, 64) + "\n"
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "wagate_redis_clock_offset_seconds"); err != nil {
			t.Error(err)
		}
		if told := strings.Join(b.look(t).Problems, "\n"); !strings.Contains(told, "one of them is not synchronised") {
			t.Errorf("problems with a clock %v ahead: got %q, want the unsynchronised clock reported", set, told)
		}
	}
}

// TestI12RedisClockJumpIsFollowedSlowly has another server, with another clock, take over. A
// replica must follow the jump by no more than a twentieth of the time that passes, and report it
// while much of it is left.
func TestI12RedisClockJumpIsFollowedSlowly(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]time.Duration{
		"forward": time.Hour, "back": -time.Hour, "a little": 20 * time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := &trueClock{}
			r := k.start(t, redistest.Start(t).Client(), 0, nil)
			k.pass(t, time.Minute, r)
			k.redis = jump
			began, last := k.true, r.Real()
			for r.ahead(k) != jump {
				k.pass(t, watchEvery, r)
				since := k.true - began
				if since > 21*jump.Abs()+2*watchEvery {
					t.Fatalf("%v after the jump: got a time %v ahead, want %v by then", since, r.ahead(k), jump)
				}
				if got := r.ahead(k); got.Abs() > since/slew {
					t.Fatalf("%v after the jump: got a time %v ahead, want at most a twentieth of the time since the jump", since, got)
				}
				passed := r.Real().Sub(last)
				if most := watchEvery / slew; (passed - watchEvery).Abs() > most {
					t.Fatalf("in %v: got a time that advanced %v, want at most %v off", watchEvery, passed, most)
				}
				last = r.Real()
				told := strings.Contains(strings.Join(r.look(t).Problems, "\n"), "has jumped")
				if left := (jump - r.ahead(k)).Abs(); told != (left > maxOffset) {
					t.Fatalf("with %v of the jump left: got it reported %v, want it reported while more than %v is left", left, told, maxOffset)
				}
			}
		})
	}
}

// TestI12MachineThatSleptCatchesUp stops the process's monotonic clock for hours. The replica must
// catch up at once when it next asks Redis.
func TestI12MachineThatSleptCatchesUp(t *testing.T) {
	t.Parallel()
	k := &trueClock{}
	r := k.start(t, redistest.Start(t).Client(), 5*time.Second, nil)
	k.pass(t, time.Minute, r)
	k.true, r.slept = k.true+8*time.Hour, r.slept+8*time.Hour
	if got := r.ahead(k); got != -8*time.Hour {
		t.Errorf("before asking Redis: got %v ahead, want it late by what it slept", got)
	}
	k.pass(t, watchEvery, r)
	if got := r.ahead(k); got != 0 {
		t.Errorf("after asking Redis: got %v ahead, want 0s", got)
	}
}

// TestI12MedianOutvotesOneMaster gives one master of a cluster another clock than the others.
func TestI12MedianOutvotesOneMaster(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) time.Time { return epoch.Add(d) }
	for _, row := range []struct{ say, want []time.Duration }{
		{[]time.Duration{0}, []time.Duration{0}},
		{[]time.Duration{time.Hour, 0, time.Second}, []time.Duration{time.Second}},
		{[]time.Duration{0, -time.Hour, 0}, []time.Duration{0}},
		{[]time.Duration{time.Hour, 0}, []time.Duration{0}},
	} {
		var say []time.Time
		for _, d := range row.say {
			say = append(say, at(d))
		}
		if got := median(say); !got.Equal(at(row.want[0])) {
			t.Errorf("median of %v: got %v, want %v", row.say, got.Sub(epoch), row.want[0])
		}
	}
}

// TestI6ClockJumpSendsNothingTwice has two replicas at work while Redis' clock jumps. A step may be
// sent under one token only, no step may be claimed early beyond the bound, and none may be lost. A
// replica that starts after the jump takes Redis' time.
func TestI6ClockJumpSendsNothingTwice(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]time.Duration{"forward": time.Hour, "back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const lease, wait = time.Minute, 30 * time.Minute
			server, k := redistest.Start(t), &trueClock{}
			a := k.start(t, server.Client(), 0, nil)
			b := k.start(t, server.Client(), 5*time.Second, nil)
			p := newParty()
			arm := func(who string, interval time.Duration) followup.RunID {
				lead := mustResolve(t, a.Store, p, followup.Identity{ExternalID: who}, a.Real())
				run, _, err := a.Start(t.Context(), p.tenant, lead, followup.Arm{
					Config: "c", Assistant: p.assistant, Channel: p.channel, Ladder: "l", Interval: interval,
				}, false, a.Real(), a.Real())
				if err != nil || run == "" {
					t.Fatalf("Start: got %q, %v, want a run", run, err)
				}
				return run
			}
			claim := func(r *replica) []followup.Claimed {
				t.Helper()
				batch, err := r.Claim(t.Context(), followup.ClaimParams{Now: r.Real(), Real: r.Real(), Limit: 10, Lease: lease})
				if err != nil {
					t.Fatal(err)
				}
				return batch.Steps
			}
			guard := func(r *replica, c followup.Claimed) followup.Verdict {
				t.Helper()
				return guardStep(t, r.Store, c, func(g *followup.GuardStep) { g.Now, g.Real, g.Lease = r.Real(), r.Real(), lease })
			}
			sending, later := arm("sending", 0), arm("later", wait)
			held := claim(a)
			if len(held) != 1 || held[0].Run.ID != sending {
				t.Fatalf("Claim: got %+v, want the step that is due", held)
			}
			attempt := guard(a, held[0]).Attempt

			k.redis, b.wall = jump, -jump
			k.pass(t, lease*(slew-1)/slew-time.Second, a, b)
			if got := claim(b); len(got) != 0 {
				t.Errorf("claimed within 19/20 of the lease: got %+v, want none", got)
			}
			claimed := false
			for !claimed {
				k.pass(t, watchEvery, a, b)
				for _, step := range claim(b) {
					switch {
					case step.Run.ID == sending && (!step.Crashed || guard(b, step).Refusal != followup.RefusedStale):
						t.Error("step in sending: got it allowed or not crashed, want it crashed and refused")
					case step.Run.ID == later:
						claimed = true
					}
				}
				if k.true > 2*wait {
					t.Fatal("later step: got it never claimed, want it claimed once it is due")
				}
			}
			if k.true < wait*(slew-1)/slew-lease {
				t.Errorf("later step: got it claimed after %v, want at least 19/20 of %v", k.true, wait)
			}
			f := sent(held[0], attempt)
			f.Now, f.Real = a.Real(), a.Real()
			if _, err := a.FinishStep(t.Context(), f); err != nil {
				t.Errorf("FinishStep by the sender: got %v, want no error", err)
			}
			if c := k.start(t, server.Client(), 0, nil); c.ahead(k) != jump {
				t.Errorf("replica started after the jump: got its time %v ahead, want Redis' time", c.ahead(k))
			}
		})
	}
}
