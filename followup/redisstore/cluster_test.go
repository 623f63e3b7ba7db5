package redisstore

import (
	"context"
	"sync"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// TestI13RelayOnAClusterWhileASlotMoves works on all partitions, first at
// rest, then while the slot of one lead is half moved, then when it is at its new place.
func TestI13RelayOnAClusterWhileASlotMoves(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 0)
	db, err := NewClient(ClientParams{URL: c.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s := openStore(t, Params{Client: db, Partitions: 16})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	parties := make([]party, 30)
	for i := range parties {
		parties[i] = newParty()
		parties[i].mustSay(t, s, "1", epoch)
	}
	first := claimAll(t, s, epoch)
	if len(first) != len(parties) {
		t.Fatalf("deliveries: got %d, want %d", len(first), len(parties))
	}

	p := parties[0]
	tag := s.tag(p.lead)
	slot := c.Slot(tag.lead(p.lead))
	m := c.Migrate(slot, c.Other(slot))
	m.Move(tag.lead(p.lead), tag.relayIndex())

	var wg sync.WaitGroup
	done := make(chan error, len(first)+1)
	for _, d := range first {
		wg.Go(func() {
			done <- s.FinishDelivery(ctx, followup.FinishDelivery{Delivery: d, Delivered: true, Real: epoch})
		})
	}
	wg.Go(func() { done <- p.say(ctx, s, "2", epoch.Add(time.Second)) })
	// Those in other slots are not held up by the one that moves.
	for range len(first) / 2 {
		if err := <-done; err != nil {
			t.Fatalf("while the slot moves: %v", err)
		}
	}
	m.Finish()
	wg.Wait()
	close(done)
	for err := range done {
		if err != nil {
			t.Errorf("while the slot moved: %v", err)
		}
	}
	c.Settled()
	if d := claimOne(t, s, epoch.Add(time.Hour)); d.Lead != p.lead || said(d) != "2 " {
		t.Errorf("afterwards: got %q, want 2", said(d))
	}
	if err := s.Pause(ctx, p.tenant, "", true); err != nil {
		t.Errorf("Pause: %v", err)
	}
	if got := copies(t, s, "t:"+string(p.tenant), statePaused); got != s.partitions {
		t.Errorf("paused in %d of %d partitions", got, s.partitions)
	}
}

// TestI13DurableFollowsAMovedSlot keeps a stale map of the cluster: the script
// and its WAIT must find the new owner by themselves.
func TestI13DurableFollowsAMovedSlot(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 1)
	db, err := NewClient(ClientParams{URL: c.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s := openStore(t, Params{Client: db, Durability: oneReplica, WaitTimeout: 2 * time.Second})
	p := newParty()
	settled(t, p, s)

	// Its keys have moved, the slot has not: the owner sends us on with ASK.
	if err := s.Pause(t.Context(), p.tenant, p.channel, true); err != nil {
		t.Fatal(err)
	}
	key := controlMasterKey(p.tenant)
	m := c.Migrate(c.Slot(key), c.Other(c.Slot(key)))
	m.Move()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Pause(ctx, p.tenant, p.channel, false); err != nil {
		t.Fatalf("asked elsewhere: %v", err)
	}
	m.Finish()
	if got, err := s.Pauses(ctx, p.tenant); err != nil || len(got) != 0 {
		t.Errorf("pauses: got %v, %v, want none", got, err)
	}

	// Half of its keys have moved: TRYAGAIN until the slot has.
	slot := c.Slot(s.tag(p.lead).lead(p.lead))
	m = c.Migrate(slot, c.Other(slot))
	m.Move(s.tag(p.lead).lead(p.lead))
	done := make(chan error, 1)
	go func() { done <- p.say(ctx, s, "2", epoch.Add(time.Second)) }()
	m.Finish()
	if err := <-done; err != nil {
		t.Fatalf("while the slot moved: %v", err)
	}
	// The client's map is old now: MOVED.
	settled(t, p, s)
	if d := claimOne(t, s, epoch.Add(time.Hour)); said(d) != "x 2 x " {
		t.Errorf("events: got %q, want x 2 x", said(d))
	}
}
