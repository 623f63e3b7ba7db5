package redisstore

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// tryAgainHook is a client hook that signals every TRYAGAIN that the store gets to see.
type tryAgainHook struct{ seen chan struct{} }

func (h tryAgainHook) note(err error) {
	if redis.IsTryAgainError(err) {
		select {
		case h.seen <- struct{}{}:
		default:
		}
	}
}

func (h tryAgainHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h tryAgainHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		h.note(err)
		return err
	}
}

func (h tryAgainHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		for _, c := range cmds {
			h.note(c.Err())
		}
		return err
	}
}

// impatientClient returns a client that gives up on TRYAGAIN at once, so that the test tests the
// store's own patience.
func impatientClient(t *testing.T, c *redistest.Cluster) (*redis.ClusterClient, tryAgainHook) {
	db := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: c.Addrs(), MaxRedirects: 3, MinRetryBackoff: time.Millisecond, MaxRetryBackoff: time.Millisecond,
		ContextTimeoutEnabled: true, ReadTimeout: maxWait,
	})
	t.Cleanup(func() { _ = db.Close() })
	h := tryAgainHook{make(chan struct{}, 100)}
	db.AddHook(h)
	return db, h
}

// duringMove calls f while some keys of p's slot have moved and others have not. It ends the move
// only when f has met TRYAGAIN at least three times, and f must then succeed.
func duringMove(t *testing.T, c *redistest.Cluster, s *Store, h tryAgainHook, p party, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), maxWait)
	defer cancel()
	tag := s.tag(p.lead)
	slot := c.Slot(tag.lead(p.lead))
	m := c.Migrate(slot, c.Other(slot))
	m.Move(tag.lead(p.lead))
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	for range 3 {
		select {
		case <-h.seen:
		case err := <-done:
			t.Fatalf("half way through the move: got %v, want the call to wait", err)
		}
	}
	m.Finish()
	if err := <-done; err != nil {
		t.Fatalf("after the move: got %v, want no error", err)
	}
	c.Settled()
}

// TestI13RelayWhileASlotMigrates settles, finishes and claims in a slot whose keys are partly on
// one node and partly on another.
func TestI13RelayWhileASlotMigrates(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 0)
	db, h := impatientClient(t, c)
	s := openStore(t, Params{Client: db, Partitions: 16})
	parties := make([]party, 30)
	for i := range parties {
		parties[i] = newParty()
		parties[i].mustSay(t, s, "1", epoch)
	}
	first := claimAll(t, s, epoch)
	if len(first) != len(parties) {
		t.Fatalf("deliveries: got %d, want %d", len(first), len(parties))
	}
	d := first[0]
	var p party
	for _, x := range parties {
		if x.lead == d.Lead {
			p = x
		}
	}
	duringMove(t, c, s, h, p, func(ctx context.Context) error {
		return p.say(ctx, s, "2", epoch.Add(time.Second))
	})
	duringMove(t, c, s, h, p, func(ctx context.Context) error {
		return s.FinishDelivery(ctx, followup.FinishDelivery{Delivery: d, Delivered: true, Real: epoch})
	})
	var second []followup.Delivery
	duringMove(t, c, s, h, p, func(ctx context.Context) (err error) {
		for len(second) == 0 && err == nil { // a claim does not wait for the slot; it is asked again soon
			second, _, err = s.ClaimDeliveries(ctx,
				followup.ClaimDeliveries{Real: epoch.Add(2 * time.Second), Limit: 5, MaxEvents: 5, Lease: time.Minute})
		}
		return err
	})
	if len(second) != 1 || second[0].Lead != p.lead || textsIn(second[0]) != "2 " {
		t.Errorf("claimed during the move: got %+v, want the second message", second)
	}
	if err := s.Pause(t.Context(), p.tenant, "", true); err != nil {
		t.Errorf("Pause: got %v, want no error", err)
	}
	if got := copies(t, s, "t:"+string(p.tenant), statePaused); got != s.partitions {
		t.Errorf("paused: got %d partitions, want %d", got, s.partitions)
	}
}

// TestI13DurableScriptFollowsItsSlot checks that a script and its WAIT find their node by
// themselves when a slot moves.
func TestI13DurableScriptFollowsItsSlot(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 1)
	db, err := NewClient(ClientParams{URL: c.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s := openStore(t, Params{Client: db, Durability: oneReplica, WaitTimeout: 2 * time.Second})
	ctx := t.Context()
	p := newParty()
	settleDurably(t, p, s)

	// The slot moves and the client does not know: MOVED.
	slot := c.Slot(s.tag(p.lead).lead(p.lead))
	c.Migrate(slot, c.Other(slot)).Finish()
	settleDurably(t, p, s)
	durably(t, func(ctx context.Context) error {
		out, _, err := s.ClaimDeliveries(ctx, followup.ClaimDeliveries{
			Real: epoch.Add(time.Hour), Limit: 100, MaxEvents: 10, Lease: time.Minute,
		})
		if err == nil && (len(out) != 1 || textsIn(out[0]) != "x x ") {
			t.Errorf("deliveries: got %+v, want one with x x", out)
		}
		return err
	})

	// The keys have moved and the slot has not: ASK.
	pause := func(paused bool) {
		t.Helper()
		durably(t, func(ctx context.Context) error { return s.Pause(ctx, p.tenant, p.channel, paused) })
	}
	pause(true)
	key := controlMasterKey(p.tenant)
	m := c.Migrate(c.Slot(key), c.Other(c.Slot(key)))
	m.Move()
	pause(false)
	m.Finish()
	if got, err := s.Pauses(ctx, p.tenant); err != nil || len(got) != 0 {
		t.Errorf("pauses: got %v, %v, want none", got, err)
	}

	// Some of the keys have moved: TRYAGAIN until the slot has moved.
	m = c.Migrate(slot, c.Other(slot))
	m.Move(s.tag(p.lead).lead(p.lead))
	done := make(chan error, 1)
	go func() { done <- p.say(ctx, s, "2", epoch.Add(time.Second)) }()
	m.Finish()
	if err := <-done; err != nil && !errors.Is(err, followup.ErrNotDurable) {
		t.Fatalf("while the slot moved: got %v, want no error or ErrNotDurable", err)
	}
}

// TestI9StuckSlotHoldsUpNoOthers stops in the middle of moving one slot. Meanwhile the steps and
// deliveries of all other slots must be claimed, each once.
func TestI9StuckSlotHoldsUpNoOthers(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 0)
	s := openStore(t, Params{Client: c.Client(), Partitions: 16})
	at := epoch.Add(time.Hour)
	const leads = 20
	parties := make([]party, leads)
	for i := range parties {
		p := newParty()
		settleText(t, s, p, p.lead, "m")
		if run, _, err := s.Start(t.Context(), p.tenant, p.lead, followup.Arm{
			Config: "c", Assistant: p.assistant, Channel: p.channel, Ladder: "l", Interval: 30 * time.Minute,
		}, false, epoch, epoch); err != nil || run == "" {
			t.Fatalf("Start: got %q, %v, want a run", run, err)
		}
		parties[i] = p
	}
	key := func(p party) string { return s.tag(p.lead).lead(p.lead) }
	slot, stuck := c.Slot(key(parties[0])), 0
	for _, p := range parties {
		if c.Slot(key(p)) == slot {
			stuck++
		}
	}
	moved := c.Migrate(slot, c.Other(slot))
	moved.Move(key(parties[0]))
	s.patience = usualPatience
	ctx, cancel := context.WithTimeout(t.Context(), maxWait)
	defer cancel()
	steps := map[followup.LeadID]int{}
	claim := func(want int, again time.Duration) {
		t.Helper()
		for len(steps) < want {
			b, err := s.Claim(ctx, followup.ClaimParams{Now: at, Real: at, Limit: 256, Lease: time.Minute})
			if timedOut(ctx, err) {
				continue
			}
			if err != nil || b.Wait(1) > again {
				t.Fatalf("Claim: got next in %v, %v, with %d of %d steps; want no error, and next within %v", b.Wait(1), err, len(steps), want, again)
			}
			for _, step := range b.Steps {
				steps[step.Run.Lead]++
			}
		}
	}
	claim(leads-stuck, heldBack)
	told := map[followup.LeadID]int{}
	for len(told) < leads-stuck {
		out, _, err := s.ClaimDeliveries(ctx, followup.ClaimDeliveries{Real: at, Limit: 256, MaxEvents: 10, Lease: time.Minute})
		if err != nil && !timedOut(ctx, err) {
			t.Fatalf("ClaimDeliveries: got %v with %d of %d deliveries, want no error", err, len(told), leads-stuck)
		}
		for _, d := range out {
			told[d.Lead]++
		}
	}
	// If nothing else is due, the claim does not wait for the slot either, and does not fail.
	s.patience.take = maxWait
	if out, next, err := s.ClaimDeliveries(ctx, followup.ClaimDeliveries{
		Real: at, Limit: 256, MaxEvents: 10, Lease: time.Minute,
	}); err != nil || len(out) != 0 || next > heldBack {
		t.Errorf("ClaimDeliveries in the stuck slot: got %d, next in %v, %v, want none, and next within %v", len(out), next, err, heldBack)
	}
	for _, p := range parties {
		want := 1
		if c.Slot(key(p)) == slot {
			want = 0
		}
		if steps[p.lead] != want || told[p.lead] != want {
			t.Errorf("one lead: got %d steps and %d deliveries, want %d of each", steps[p.lead], told[p.lead], want)
		}
	}
	moved.Finish()
	claim(leads, time.Minute)
	if len(steps) != leads {
		t.Errorf("steps claimed once it has moved: got %d, want %d", len(steps), leads)
	}
}
