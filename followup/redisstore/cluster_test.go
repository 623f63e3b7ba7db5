package redisstore

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// tryAgain is a client's hook that tells of every TRYAGAIN the store gets to see.
type tryAgain struct{ seen chan struct{} }

func (h tryAgain) note(err error) {
	if redis.IsTryAgainError(err) {
		select {
		case h.seen <- struct{}{}:
		default:
		}
	}
}

func (h tryAgain) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h tryAgain) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		h.note(err)
		return err
	}
}

func (h tryAgain) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		for _, c := range cmds {
			h.note(c.Err())
		}
		return err
	}
}

// impatient returns a client that gives up on TRYAGAIN at once, so that the store's own patience is
// what is tested.
func impatient(t *testing.T, c *redistest.Cluster) (*redis.ClusterClient, tryAgain) {
	db := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: c.Addrs(), MaxRedirects: 3, MinRetryBackoff: time.Millisecond, MaxRetryBackoff: time.Millisecond,
		ContextTimeoutEnabled: true,
	})
	t.Cleanup(func() { _ = db.Close() })
	h := tryAgain{make(chan struct{}, 100)}
	db.AddHook(h)
	return db, h
}

// throughTheMove calls f while the keys of p's slot are partly moved, and lets
// the move end only when f met that at least three times.
func throughTheMove(t *testing.T, c *redistest.Cluster, s *Store, h tryAgain, p party, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
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
			t.Fatalf("half way: got %v, want it to wait", err)
		}
	}
	m.Finish()
	if err := <-done; err != nil {
		t.Fatalf("after the move: %v", err)
	}
	c.Settled()
}

// TestI13RelayWhileASlotMoves settles, claims and finishes in a slot whose keys
// are partly here and partly there.
func TestI13RelayWhileASlotMoves(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 0)
	db, h := impatient(t, c)
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
	throughTheMove(t, c, s, h, p, func(ctx context.Context) error {
		return p.say(ctx, s, "2", epoch.Add(time.Second))
	})
	throughTheMove(t, c, s, h, p, func(ctx context.Context) error {
		return s.FinishDelivery(ctx, followup.FinishDelivery{Delivery: d, Delivered: true, Real: epoch})
	})
	var second []followup.Delivery
	throughTheMove(t, c, s, h, p, func(ctx context.Context) (err error) {
		second, _, err = s.ClaimDeliveries(ctx,
			followup.ClaimDeliveries{Real: epoch.Add(2 * time.Second), Limit: 5, MaxEvents: 5, Lease: time.Minute})
		return err
	})
	if len(second) != 1 || second[0].Lead != p.lead || said(second[0]) != "2 " {
		t.Errorf("claimed during the move: got %+v, want the second message", second)
	}
	if err := s.Pause(t.Context(), p.tenant, "", true); err != nil {
		t.Errorf("Pause: %v", err)
	}
	if got := copies(t, s, "t:"+string(p.tenant), statePaused); got != s.partitions {
		t.Errorf("paused in %d of %d partitions", got, s.partitions)
	}
}

// TestI13DurableFollowsAMovedSlot wants a script and its WAIT to find their node
// by themselves.
func TestI13DurableFollowsAMovedSlot(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 1)
	db, err := NewClient(ClientParams{URL: c.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s := openStore(t, Params{Client: db, Durability: oneReplica, WaitTimeout: 2 * time.Second})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := newParty()
	settled(t, p, s)

	// The slot moves behind the client's back: MOVED.
	slot := c.Slot(s.tag(p.lead).lead(p.lead))
	c.Migrate(slot, c.Other(slot)).Finish()
	settled(t, p, s)
	if d := claimOne(t, s, epoch.Add(time.Hour)); said(d) != "x x " {
		t.Errorf("events: got %q, want x x", said(d))
	}

	// Its keys have moved, the slot has not: ASK.
	if err := s.Pause(ctx, p.tenant, p.channel, true); err != nil {
		t.Fatal(err)
	}
	key := controlMasterKey(p.tenant)
	m := c.Migrate(c.Slot(key), c.Other(c.Slot(key)))
	m.Move()
	if err := s.Pause(ctx, p.tenant, p.channel, false); err != nil {
		t.Fatalf("asked elsewhere: %v", err)
	}
	m.Finish()
	if got, err := s.Pauses(ctx, p.tenant); err != nil || len(got) != 0 {
		t.Errorf("pauses: got %v, %v, want none", got, err)
	}

	// Some of its keys have moved: TRYAGAIN until the slot has.
	m = c.Migrate(slot, c.Other(slot))
	m.Move(s.tag(p.lead).lead(p.lead))
	done := make(chan error, 1)
	go func() { done <- p.say(ctx, s, "2", epoch.Add(time.Second)) }()
	m.Finish()
	if err := <-done; err != nil {
		t.Fatalf("while the slot moved: %v", err)
	}
}

// TestI9AStuckSlotKeepsNobodyElseWaiting stops in the middle of moving one slot:
// the steps and deliveries of all others are claimed, in a bounded time.
func TestI9AStuckSlotKeepsNobodyElseWaiting(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 0)
	s := openStore(t, Params{Client: c.Client(), Partitions: 16})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	at := epoch.Add(time.Hour)
	const leads = 20
	parties := make([]party, leads)
	for i := range parties {
		p := newParty()
		settleText(t, s, p, p.lead, "m")
		if run, _, err := s.Start(ctx, p.tenant, p.lead, followup.Arm{
			Config: "c", Assistant: p.assistant, Channel: p.channel, Ladder: "l", Interval: 30 * time.Minute,
		}, false, epoch, epoch); err != nil || run == "" {
			t.Fatalf("Start: got %v, %v", run, err)
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
	steps := 0
	for range 3 {
		b, err := s.Claim(ctx, followup.ClaimParams{Now: at, Real: at, Limit: 256, Lease: time.Minute})
		if err != nil || b.Wait(1) > heldBack {
			t.Fatalf("Claim: got next in %v, %v, want the others looked at soon, without a back-off", b.Next, err)
		}
		steps += len(b.Steps)
	}
	if want := leads - stuck; steps != want {
		t.Errorf("steps claimed: got %d, want %d", steps, want)
	}
	out, _, err := s.ClaimDeliveries(ctx, followup.ClaimDeliveries{Real: at, Limit: 256, MaxEvents: 10, Lease: time.Minute})
	if want := leads - stuck; err != nil || len(out) != want {
		t.Errorf("deliveries claimed: got %d, %v, want %d", len(out), err, want)
	}
	moved.Finish()
	b, err := s.Claim(ctx, followup.ClaimParams{Now: at, Real: at, Limit: 256, Lease: time.Minute})
	if err != nil || len(b.Steps) != stuck {
		t.Errorf("steps claimed once it has moved: got %d, %v, want %d", len(b.Steps), err, stuck)
	}
}
