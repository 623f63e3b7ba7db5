package redisstore

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
	"wagate/providers"
)

var oneReplica = Durability{Level: LevelReplicas, Replicas: 1}

// TestI1NothingIsPromisedWithoutReplicas takes the replica away and brings it back. Without the
// replica, every call that promises durability must fail.
func TestI1NothingIsPromisedWithoutReplicas(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t, redistest.TCP())
	replica := redistest.Start(t, redistest.TCP(), redistest.ReplicaOf(master))
	s := openStore(t, Params{Client: master.Client(), Durability: oneReplica, WaitTimeout: time.Minute})
	p := newParty()
	settleDurably(t, p, s)
	if got := replica.Client().Exists(t.Context(), s.tag(p.lead).lead(p.lead)).Val(); got != 1 {
		t.Error("replica: got no lead, want the lead once it is settled")
	}

	key, err := s.BeginKey(t.Context(), p.tenant, "key", "print", epoch, time.Minute)
	if err != nil {
		t.Fatal(err)
	}

	replica.Freeze()
	s.waitTimeout = 50 * time.Millisecond
	item := followup.Settlement{
		Tenant: p.tenant, Lead: p.lead, Now: epoch, Real: epoch,
		Items: []followup.Item{{DedupID: "again", Channel: p.channel, Assistant: p.assistant, At: epoch}},
	}
	if _, err := s.Settle(t.Context(), item); !errors.Is(err, followup.ErrNotDurable) {
		t.Fatalf("without the replica: got %v, want ErrNotDurable", err)
	}
	// The repetition has nothing to write, and must not take that for being durable.
	if _, err := s.Settle(t.Context(), item); !errors.Is(err, followup.ErrNotDurable) {
		t.Fatalf("repetition without the replica: got %v, want ErrNotDurable", err)
	}
	// A message is sent only after its key is held durably.
	for range 2 {
		if err := s.HoldKey(t.Context(), p.tenant, "key", key.Owner, epoch); !errors.Is(err, followup.ErrNotDurable) {
			t.Errorf("holding a key without the replica: got %v, want ErrNotDurable", err)
		}
	}
	// A notice about a template is acknowledged to the provider, too.
	said := []followup.TemplateSaid{{Change: providers.TemplateChange{Name: "t"}, At: epoch}}
	if err := s.NoteTemplates(t.Context(), "a", said, epoch); !errors.Is(err, followup.ErrNotDurable) {
		t.Errorf("noting a template without the replica: got %v, want ErrNotDurable", err)
	}
	// So is a receipt that comes before its message is known; it is stored nowhere else.
	parked := &followup.Parked{Channel: p.channel, At: epoch}
	if _, err := s.Message(t.Context(), p.tenant, "id", parked); !errors.Is(err, followup.ErrNotDurable) {
		t.Errorf("parking a receipt without the replica: got %v, want ErrNotDurable", err)
	}
	// The link tells whose message a receipt is about. If the link were lost, the receipt would be
	// acknowledged, parked for good and without effect.
	ref := followup.MessageRef{Attempt: p.lead.Attempt(1), SenderID: "sent"}
	for range 2 {
		if _, err := s.LinkMessage(t.Context(), p.tenant, ref); !errors.Is(err, followup.ErrNotDurable) {
			t.Errorf("linking a message without the replica: got %v, want ErrNotDurable", err)
		}
	}
	if _, err := s.Message(t.Context(), p.tenant, "id", nil); !errors.Is(err, followup.ErrNotFound) {
		t.Errorf("looking for a message without the replica: got %v, want ErrNotFound", err)
	}
	replica.Thaw()
	s.waitTimeout = time.Minute
	durably(t, func(ctx context.Context) error {
		got, err := s.Settle(ctx, item)
		if err == nil && got.Fresh[0] {
			t.Error("repetition: got it fresh, want a duplicate")
		}
		return err
	})
}

// durably repeats a call until the replicas are fast enough for it, and ends the test if it fails
// otherwise.
func durably(t *testing.T, do func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), maxWait)
	defer cancel()
	err := do(ctx)
	for errors.Is(err, followup.ErrNotDurable) && ctx.Err() == nil {
		err = do(ctx)
	}
	if err != nil {
		t.Fatalf("with enough replicas: got %v, want no error", err)
	}
}

func TestDurableSurvivesAnEmptyScriptCache(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t, redistest.TCP())
	redistest.Start(t, redistest.TCP(), redistest.ReplicaOf(master))
	s := openStore(t, Params{Client: master.Client(), Durability: oneReplica, WaitTimeout: time.Minute})
	for range 2 {
		flush(t, s.db)
		settleDurably(t, newParty(), s)
	}
}

// TestI2ClaimedDeliveryIsAtAReplica checks that a delivery is not handed out before a replica has
// its webhook-id. Otherwise the id could die with the master, and the assistant would be shown the
// same events again under another id.
func TestI2ClaimedDeliveryIsAtAReplica(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t, redistest.TCP())
	replica := redistest.Start(t, redistest.TCP(), redistest.ReplicaOf(master))
	s := openStore(t, Params{Client: master.Client(), Durability: oneReplica, WaitTimeout: 50 * time.Millisecond})
	p := newParty()
	settleDurably(t, p, s)
	replica.Freeze()
	claim := func(ctx context.Context) ([]followup.Delivery, error) {
		out, _, err := s.ClaimDeliveries(ctx, followup.ClaimDeliveries{Real: epoch, Limit: 100, MaxEvents: 10, Lease: time.Minute})
		return out, err
	}
	for range 2 {
		if out, err := claim(t.Context()); len(out) != 0 || !errors.Is(err, followup.ErrNotDurable) {
			t.Fatalf("without the replica: got %d deliveries, %v, want ErrNotDurable", len(out), err)
		}
	}
	replica.Thaw()
	s.waitTimeout = time.Minute
	// The delivery can be claimed at once: as it was not handed out, it has no lease and no attempt.
	var out []followup.Delivery
	durably(t, func(ctx context.Context) (err error) {
		out, err = claim(ctx)
		return err
	})
	if len(out) != 1 || out[0].Attempts != 0 {
		t.Fatalf("with the replica again: got %+v, want one delivery without attempts", out)
	}
	if got := replica.Client().HGet(t.Context(), s.tag(p.lead).frozen(p.lead, p.assistant), "id").Val(); got != out[0].ID {
		t.Errorf("webhook-id at the replica: got %q, want %q", got, out[0].ID)
	}
}

// TestI1DeadLetterStaysUntilItsCopyIsDurable checks that a merge does not remove a dead letter from
// the loser while only the master has the winner's copy.
func TestI1DeadLetterStaysUntilItsCopyIsDurable(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t, redistest.TCP())
	replica := redistest.Start(t, redistest.TCP(), redistest.ReplicaOf(master))
	s := openStore(t, Params{Client: master.Client(), Durability: oneReplica, WaitTimeout: 50 * time.Millisecond})
	loser := newParty()
	settleDurably(t, loser, s)
	s.waitTimeout = time.Minute
	bury(t, s, claimOne(t, s, epoch), epoch)
	winner := followup.NewLeadID()
	for s.partition(winner) == s.partition(loser.lead) {
		winner = followup.NewLeadID()
	}
	replica.Freeze()
	s.waitTimeout = 50 * time.Millisecond
	if err := s.moveDead(t.Context(), loser.tenant, loser.lead, winner); !errors.Is(err, followup.ErrNotDurable) {
		t.Errorf("without the replica: got %v, want ErrNotDurable", err)
	}
	if ids, err := s.deadOfLead(t.Context(), loser.lead); err != nil || len(ids) != 1 {
		t.Errorf("loser's dead letters: got %v, %v, want the letter", ids, err)
	}
}

// TestI1MoveOfADeadLetterThatLeftIsDurable stops a merge after it has handed a dead letter to the
// winner, and then replays or drops the letter there. When the merge goes on, it removes the letter
// from the loser. First it must write something on the winner's node, so that WAIT has something to
// wait for: replicas may not have the letter yet, nor what became of it.
func TestI1MoveOfADeadLetterThatLeftIsDurable(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client, dying, ctx := server.Client(), server.Client(), t.Context()
	s := openStore(t, Params{Client: client})
	for name, do := range map[string]func(*Store, party, string) error{"replayed": replay, "dropped": drop} {
		p := newParty()
		from := p.lead
		p.deadLetterAt(t, s, epoch)
		p = p.inPartition(s, func(n int) bool { return n != s.partition(from) })
		dying.AddHook(crashBefore(dropScript))
		if err := openStore(t, Params{Client: dying}).moveDead(ctx, p.tenant, from, p.lead); !errors.Is(err, errCrash) {
			t.Fatalf("%s: moveDead: got %v, want the crash", name, err)
		}
		ids, err := s.deadOfLead(ctx, p.lead)
		if err != nil || len(ids) != 1 {
			t.Fatalf("%s: winner's dead letters: got %v, %v, want the letter", name, ids, err)
		}
		if err := do(s, p, s.letterID(p.lead, ids[0])); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		wrote := 0
		client.AddHook(countChanges(importScript, client, &wrote))
		if err := s.moveDead(ctx, p.tenant, from, p.lead); err != nil || wrote == 0 {
			t.Errorf("%s: moveDead: got %v, and %d writes, want some", name, err, wrote)
		}
		drain(t, s)
	}
}

// settleDurably settles a message until the replica has joined and has the message.
func settleDurably(t *testing.T, p party, s *Store) {
	t.Helper()
	st := p.message("x", epoch)
	durably(t, func(ctx context.Context) error { return errOf(s.Settle(ctx, st)) })
}

// TestI9DeliveryHandedBackIsLookedAtSoon checks that a delivery that was handed back because its
// node has too few replicas is looked at again soon. It must not wait until deliveries of other
// nodes end, which may take as long as their assistants do.
func TestI9DeliveryHandedBackIsLookedAtSoon(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 1)
	c.Synced()
	s := openStore(t, Params{Client: c.Client(), Durability: oneReplica, WaitTimeout: time.Minute})
	short, other := newParty(), newParty()
	owner := func(p party) *redistest.Server { return c.Owner(c.Slot(s.tag(p.lead).lead(p.lead))) }
	for owner(other) == owner(short) {
		other = newParty()
	}
	settleDurably(t, short, s)
	settleDurably(t, other, s)
	frozen := 0
	for _, n := range c.Nodes {
		of := n.Client().Info(t.Context(), "replication").Val()
		if strings.Contains(of, "master_port:"+portOf(t, owner(short))+"\r") {
			n.Freeze()
			frozen++
		}
	}
	if frozen != 1 {
		t.Fatalf("replicas of the node: got %d, want 1", frozen)
	}
	s.waitTimeout = 50 * time.Millisecond // doubled below until the other node's replica is fast enough
	durably(t, func(ctx context.Context) error {
		out, next, err := s.ClaimDeliveries(ctx,
			followup.ClaimDeliveries{Real: epoch, Limit: 100, MaxEvents: 10, Lease: time.Minute})
		if err == nil && (len(out) != 1 || out[0].Lead != other.lead || next > heldBack) {
			t.Errorf("ClaimDeliveries: got %+v, next in %v; want the delivery of the other node, and next within %v", out, next, heldBack)
		}
		s.waitTimeout *= 2
		return err
	})
	// If nothing else is due, the claim does not fail: an event of another node may come at any time, and
	// must not wait until the caller tries again after an error.
	out, next, err := s.ClaimDeliveries(t.Context(),
		followup.ClaimDeliveries{Real: epoch, Limit: 100, MaxEvents: 10, Lease: time.Minute})
	if err != nil || len(out) != 0 || next > heldBack {
		t.Errorf("ClaimDeliveries again: got %+v, next in %v, %v; want none, no error, and next within %v", out, next, err, heldBack)
	}
}

// portOf returns the port of a server.
func portOf(t *testing.T, s *redistest.Server) string {
	t.Helper()
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}

// TestEndsThatAreNotDurableAreCounted checks that a run that a call ended is counted although the
// call failed, because there were too few replicas. Whoever repeats the call finds the run ended
// already, so the end would never be counted otherwise.
func TestEndsThatAreNotDurableAreCounted(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	var counted []followup.Ended
	strict := openStore(t, Params{
		Client: redis.Client(), Durability: oneReplica, WaitTimeout: 10 * time.Millisecond,
		OnEnded: func(e []followup.Ended) { counted = append(counted, e...) },
	})
	s := openStore(t, Params{Client: redis.Client()})
	ctx := t.Context()
	arm := func(p party) followup.Arm {
		return followup.Arm{Config: "c", Assistant: p.assistant, Channel: p.channel, Ladder: "l", Interval: time.Minute}
	}
	other := func(p party) followup.LeadID {
		return mustResolve(t, s, p, followup.Identity{Phone: "15550100001"}, epoch)
	}
	// short returns a store that lacks a replica from its first call of that script on.
	short := func(at *script) *Store {
		client := redis.Client()
		s := openStore(t, Params{Client: client, WaitTimeout: 10 * time.Millisecond, OnEnded: strict.onEnded})
		client.AddHook(&onScript{at, func(_ context.Context, call func() error) error {
			s.durability = oneReplica
			return call()
		}})
		return s
	}
	for _, tt := range []struct {
		name string
		want followup.Reason
		end  func(p party, run followup.RunID) error
	}{
		{"a reply", followup.Replied, func(p party, _ followup.RunID) error {
			reply := p.message("yes", epoch)
			// With Relay, the said script would be tried first, and leave the reply to settle.
			reply.Items[0].Reply, reply.Items[0].Relay = true, nil
			return errOf(strict.Settle(ctx, reply))
		}},
		{"a start by hand", followup.Restarted, func(p party, _ followup.RunID) error {
			_, _, err := strict.Start(ctx, p.tenant, p.lead, arm(p), false, epoch, epoch)
			return err
		}},
		{"a cancel", followup.ByAPI, func(p party, run followup.RunID) error {
			return errOf(strict.Cancel(ctx, p.tenant, run, epoch, epoch))
		}},
		{"a change of status", followup.Restarted, func(p party, _ followup.RunID) error {
			lead, err := s.Lead(ctx, p.tenant, p.lead)
			if err != nil {
				return err
			}
			again := arm(p)
			return errOf(strict.PutLead(ctx, followup.PutLead{Lead: lead, StatusChanged: true, Arm: &again, Now: epoch, Real: epoch}))
		}},
		{"a step of another assistant", followup.OptedOut, func(p party, _ followup.RunID) error {
			p.assistant, p.channel = newParty().assistant, newParty().channel
			f := sent(p.sending(t, s, p.lead))
			f.OptOut = true
			return errOf(short(finishScript).FinishStep(ctx, f)) // its first call only finds out whose queue it needs, too
		}},
		{"a merge", followup.Merged, func(p party, _ followup.RunID) error {
			return short(expectScript).merge(ctx, p.tenant, other(p), p.lead, epoch)
		}},
		{"a merge with a lead that opted out", followup.OptedOut, func(p party, _ followup.RunID) error {
			stop, out := p, true
			stop.lead = other(p)
			st := stop.message("stop", epoch)
			st.Items[0].OptOut = &out
			if _, err := s.Settle(ctx, st); err != nil {
				return err
			}
			return short(mergeOutScript).merge(ctx, p.tenant, p.lead, stop.lead, epoch)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newParty()
			p.lead = mustResolve(t, s, p, followup.Identity{ExternalID: string(p.lead)}, epoch)
			run, _, err := s.Start(ctx, p.tenant, p.lead, arm(p), false, epoch, epoch)
			if err != nil {
				t.Fatal(err)
			}
			counted = nil
			if err := tt.end(p, run); !errors.Is(err, followup.ErrNotDurable) {
				t.Fatalf("without a replica: got %v, want ErrNotDurable", err)
			}
			if len(counted) != 1 || counted[0].Run != run || counted[0].Reason != tt.want {
				t.Errorf("OnEnded: got %v, want run %s ended with reason %s", counted, run, tt.want)
			}
		})
	}
}
