package redisstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
	"wagate/followup/rescue"
)

// laneGate is a client hook that notes which scripts leave together, and lets none leave until it
// is opened.
type laneGate struct {
	open chan struct{}

	mu      sync.Mutex
	batches [][]string // the scripts' first keys
}

func (*laneGate) DialHook(next redis.DialHook) redis.DialHook { return next }

func (j *laneGate) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		j.note(cmd)
		return next(ctx, cmd)
	}
}

func (j *laneGate) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		j.note(cmds...)
		return next(ctx, cmds)
	}
}

// note notes the scripts among the commands, and waits for the gate.
func (j *laneGate) note(cmds ...redis.Cmder) {
	var keys []string
	for _, cmd := range cmds {
		if strings.HasPrefix(cmd.Name(), "eval") {
			keys = append(keys, fmt.Sprint(cmd.Args()[3]))
		}
	}
	if keys == nil {
		return
	}
	j.mu.Lock()
	j.batches = append(j.batches, keys)
	j.mu.Unlock()
	<-j.open
}

// holdLanes returns a store whose lanes are all held up, with a settlement of each of the leads
// waiting behind them. The function it returns opens the gate and returns the errors of the
// settlements.
func holdLanes(
	t *testing.T, ctx context.Context, d Durability, p party, leads ...followup.LeadID, //nolint:revive // not t's
) (*Store, *laneGate, func() []error) {
	t.Helper()
	client := redistest.Start(t).Client()
	s := openStore(t, Params{Client: client, Durability: d, WaitTimeout: time.Millisecond})
	_ = newParty().say(t.Context(), s, "so that Redis knows the script", epoch)
	j := &laneGate{open: make(chan struct{})}
	client.AddHook(j)

	var all sync.WaitGroup
	errs := make([]error, len(leads))
	settle := func(ctx context.Context, lead followup.LeadID, err *error) {
		all.Go(func() {
			_, *err = s.Settle(ctx, followup.Settlement{
				Tenant: p.tenant, Lead: lead, Now: epoch, Real: epoch,
				Items: []followup.Item{{DedupID: "once", Channel: p.channel, Assistant: p.assistant, At: epoch, Opens: true}},
			})
		})
	}
	var ahead [maxLanes]error
	for i := range ahead {
		settle(t.Context(), followup.NewLeadID(), &ahead[i])
		s.waitLanes(t, i+1, 0)
	}
	for i, lead := range leads {
		settle(ctx, lead, &errs[i])
		s.waitLanes(t, maxLanes, i+1)
	}
	return s, j, func() []error {
		close(j.open)
		all.Wait()
		return append(errs, ahead[:]...)
	}
}

// waitLanes waits until that many batches are under way and that many calls wait.
func (s *Store) waitLanes(t *testing.T, running, waiting int) {
	t.Helper()
	for t.Context().Err() == nil {
		lanes, calls := 0, 0
		s.lanes.mu.Lock()
		for _, q := range s.lanes.busy {
			lanes, calls = lanes+q.running, calls+len(q.calls)
		}
		s.lanes.mu.Unlock()
		if lanes == running && calls == waiting {
			return
		}
		runtime.Gosched()
	}
}

func wantNoErrors(t *testing.T, errs []error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Errorf("settling: got %v, want no error", err)
	}
}

// leads returns n new lead ids.
func leads(n int) []followup.LeadID {
	all := make([]followup.LeadID, n)
	for i := range all {
		all[i] = followup.NewLeadID()
	}
	return all
}

// TestCallsGoTogether checks that the calls that wait leave in as few batches as their bound
// allows, and that nothing is kept of a node once no call is under way.
func TestCallsGoTogether(t *testing.T) {
	t.Parallel()
	some := leads(maxBatch + 3)
	s, j, settled := holdLanes(t, t.Context(), Durability{}, newParty(), some...)
	wantNoErrors(t, settled())
	var sizes []int
	var order []string
	for _, keys := range j.batches[maxLanes:] {
		sizes = append(sizes, len(keys))
		order = append(order, keys...)
	}
	slices.Sort(sizes)
	if !slices.Equal(sizes, []int{3, maxBatch}) {
		t.Errorf("batches: got sizes %v, want %d and the rest", sizes, maxBatch)
	}
	for _, lead := range some {
		if !slices.Contains(order, s.tag(lead).lead(lead)) {
			t.Fatalf("lead %s: got it not settled, want it settled", lead)
		}
	}
	s.waitLanes(t, 0, 0)
	if n := len(s.lanes.busy); n != 0 {
		t.Errorf("nodes kept: got %d, want none", n)
	}
}

// TestI2NoLeadTwiceInABatch checks that a batch holds each lead at most once. A broken connection
// repeats the whole batch, and only the last answer is kept per lead.
func TestI2NoLeadTwiceInABatch(t *testing.T) {
	t.Parallel()
	lead := followup.NewLeadID()
	_, j, settled := holdLanes(t, t.Context(), Durability{}, newParty(), lead, lead, followup.NewLeadID(), lead)
	wantNoErrors(t, settled())
	seen := 0
	for _, keys := range j.batches {
		for _, key := range keys {
			if strings.HasSuffix(key, string(lead)) {
				seen++
			}
		}
		slices.Sort(keys)
		if n := len(keys); len(slices.Compact(keys)) != n {
			t.Errorf("batch: got %v, want each lead at most once", keys)
		}
	}
	if seen != 3 {
		t.Errorf("calls for the lead: got %d, want 3", seen)
	}
}

// TestCancelledCallTakesNoOthersAlong cancels a call before it leaves. It must have no effect, and
// the other calls must have theirs.
func TestCancelledCallTakesNoOthersAlong(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(t.Context())
	gone := followup.NewLeadID()
	s, j, settled := holdLanes(t, ctx, Durability{}, newParty(), gone)
	leave()
	stays := newParty()
	done := make(chan error)
	go func() { done <- stays.say(t.Context(), s, "hello", epoch) }()
	s.waitLanes(t, maxLanes, 2)
	errs := settled()
	if !errors.Is(errs[0], context.Canceled) {
		t.Errorf("cancelled call: got %v, want context.Canceled", errs[0])
	}
	if err := errors.Join(append(errs[1:], <-done)...); err != nil {
		t.Errorf("other calls: got %v, want no error", err)
	}
	for _, keys := range j.batches {
		if slices.Contains(keys, s.tag(gone).lead(gone)) {
			t.Error("cancelled call: got it sent, want it dropped")
		}
	}
}

// TestI1BatchMeetsAnEmptyScriptCache sends a batch to a node that has forgotten its script. Each
// call must then succeed alone.
func TestI1BatchMeetsAnEmptyScriptCache(t *testing.T) {
	t.Parallel()
	p, some := newParty(), leads(8)
	s, _, settled := holdLanes(t, t.Context(), Durability{}, p, some...)
	flush(t, s.db)
	wantNoErrors(t, settled())
	for _, lead := range some {
		if l, err := s.db.HGet(t.Context(), s.tag(lead).lead(lead), "t").Result(); err != nil || l != string(p.tenant) {
			t.Errorf("lead %s: got %q, %v, want it settled", lead, l, err)
		}
	}
}

// TestI1BatchWithoutReplicas checks that without replicas every call of a batch returns
// ErrNotDurable.
func TestI1BatchWithoutReplicas(t *testing.T) {
	t.Parallel()
	_, _, settled := holdLanes(t, t.Context(), Durability{Level: LevelReplicas, Replicas: 1}, newParty(), leads(4)...)
	for i, err := range settled() {
		if !errors.Is(err, followup.ErrNotDurable) {
			t.Errorf("call %d: got %v, want ErrNotDurable", i, err)
		}
	}
}

// panicHook is a client hook that panics as often as left says.
type panicHook struct {
	redis.Hook

	left atomic.Int32
}

func (*panicHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (*panicHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (j *panicHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if j.left.Add(-1) >= 0 {
			panic("panicHook")
		}
		return next(ctx, cmd)
	}
}

// TestI9PanicLeavesTheLaneOpen checks that a lane still works after panics. Callers outlive panics,
// so lanes must, too.
func TestI9PanicLeavesTheLaneOpen(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, Params{Client: client})
	j := &panicHook{}
	client.AddHook(j)
	j.left.Store(maxLanes)
	for range maxLanes {
		rescue.Call(slog.New(slog.DiscardHandler), "panicked", func() {
			_ = newParty().say(t.Context(), s, "hello", epoch)
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), maxWait)
	defer cancel()
	if err := newParty().say(ctx, s, "hello", epoch); err != nil {
		t.Fatalf("settling after panics: got %v, want no error", err)
	}
	s.waitLanes(t, 0, 0)
}
