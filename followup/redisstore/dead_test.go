package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

// TestI1DeadLettersAreReplayed replays a dead letter twice, after Redis has forgotten all scripts.
// The first replay delivers the events again, and the second finds nothing.
func TestI1DeadLettersAreReplayed(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		p.mustSay(t, s, "a", epoch)
		p.mustSay(t, s, "b", epoch)
		id := bury(t, s, claimOne(t, s, epoch), epoch)
		p.mustSay(t, s, "c", epoch.Add(time.Second))
		flush(t, s.db)
		if err := s.ReplayDead(t.Context(), id, epoch.Add(time.Minute)); err != nil {
			t.Fatalf("ReplayDead: %v", err)
		}
		if err := s.ReplayDead(t.Context(), id, epoch.Add(time.Minute)); !errors.Is(err, followup.ErrNotFound) {
			t.Errorf("ReplayDead again: got %v, want ErrNotFound", err)
		}
		if d := claimOne(t, s, epoch.Add(time.Hour)); textsIn(d) != "c a b " {
			t.Errorf("events: got %q, want c a b", textsIn(d))
		}
		if list, n, err := s.DeadLetters(t.Context(), "", 10, 0); err != nil || n != 0 || len(list) != 0 {
			t.Errorf("dead letters: got %v, %d, %v, want none", list, n, err)
		}
	})
}

// TestDeadLettersAcrossPartitions checks that dead letters of all partitions are listed newest
// first and by pages.
func TestDeadLettersAcrossPartitions(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		other := newParty()
		var ids []string
		for i := range 12 {
			p.lead = followup.NewLeadID()
			at := epoch.Add(time.Duration(i) * time.Second)
			p.mustSay(t, s, "x", at)
			ids = append(ids, bury(t, s, claimOne(t, s, at), at))
		}
		other.mustSay(t, s, "x", epoch)
		bury(t, s, claimOne(t, s, epoch.Add(time.Hour)), epoch.Add(time.Hour))

		page, total, err := s.DeadLetters(t.Context(), p.tenant, 5, 4)
		if err != nil || total != 12 || len(page) != 5 {
			t.Fatalf("page: got %d of %d, %v, want 5 of 12", len(page), total, err)
		}
		for i, d := range page {
			if want := ids[11-4-i]; d.ID != want || d.Events != nil || d.Count != 1 || d.Attempts != 1 {
				t.Errorf("position %d: got %+v, want %s without events", i, d, want)
			}
		}
		if _, total, _ := s.DeadLetters(t.Context(), "", 5, 0); total != 13 {
			t.Errorf("total of all tenants: got %d, want 13", total)
		}
		for _, bad := range []string{"", "0", "0-nothing", "99-x", "x-y", "-1-x", "00-x"} {
			if _, err := s.DeadLetter(t.Context(), bad); !errors.Is(err, followup.ErrNotFound) {
				t.Errorf("DeadLetter(%q): got %v, want ErrNotFound", bad, err)
			}
		}
	})
}

// TestDeadLettersFollowTheirLead moves a lead's letters to another lead, in the same partition or
// another one, and drops them there.
func TestDeadLettersFollowTheirLead(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		for _, same := range []bool{true, false} {
			p := newParty()
			to := followup.NewLeadID()
			for (s.partition(to) == s.partition(p.lead)) != same {
				to = followup.NewLeadID()
			}
			p.mustSay(t, s, "x", epoch)
			old := bury(t, s, claimOne(t, s, epoch), epoch)
			for range 2 {
				if err := s.moveDead(t.Context(), p.tenant, p.lead, to); err != nil {
					t.Fatalf("moveDead: %v", err)
				}
			}
			list, total, err := s.DeadLetters(t.Context(), p.tenant, 5, 0)
			if err != nil || total != 1 || len(list) != 1 || list[0].Lead != to {
				t.Fatalf("same partition %v: DeadLetters: got %+v, %d, %v, want one of the new lead", same, list, total, err)
			}
			if _, err := s.DeadLetter(t.Context(), old); !same && !errors.Is(err, followup.ErrNotFound) {
				t.Errorf("DeadLetter under its old id: got %v, want ErrNotFound", err)
			}
			if err := s.dropDeadOf(t.Context(), p.tenant, to); err != nil {
				t.Fatal(err)
			}
			if _, total, _ := s.DeadLetters(t.Context(), "", 5, 0); total != 0 {
				t.Errorf("dead letters after dropDeadOf: got %d, want 0", total)
			}
		}
	})
}

// TestWalkDead checks that WalkDead visits each dead letter once, oldest first, although each is
// removed when it is visited, and that it reads the sets only once, however many letters there are.
func TestWalkDead(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p, other := newParty(), newParty()
		const n = 2*deadChunk + 7
		if _, err := s.db.Pipelined(t.Context(), func(pipe redis.Pipeliner) error {
			for i := range n {
				lead, id := followup.NewLeadID(), fmt.Sprintf("msg_%05d", i)
				tag, z := s.tag(lead), redis.Z{Score: float64(i / 2), Member: deadMember(id, lead)}
				pipe.ZAdd(t.Context(), tag.dead(), z)
				pipe.ZAdd(t.Context(), tag.deadOf(p.tenant), z)
				letter := followup.DeadLetter{ID: s.letterID(lead, id), Events: []followup.RelayEvent{{Field: "x"}}}
				letter.Tenant, letter.Lead, letter.Assistant = p.tenant, lead, p.assistant
				pipe.HSet(t.Context(), tag.deadLetters(), id, string(marshal(storedLetter{1, letter})))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		var sets atomic.Int64
		s.db.AddHook(onCommand(func(name string) {
			if strings.HasPrefix(name, "zr") {
				sets.Add(1)
			}
		}))
		var got []string
		if err := s.WalkDead(t.Context(), p.tenant, func(d followup.DeadLetter) error {
			_, id, _ := strings.Cut(d.ID, "-")
			got = append(got, id)
			if d.Events != nil {
				t.Error("WalkDead: got a letter with events, want none")
			}
			return s.DropDead(t.Context(), d.ID)
		}); err != nil || len(got) != n || !slices.IsSorted(got) {
			t.Errorf("WalkDead: got %d visited, in order %t, %v, want %d in order", len(got), slices.IsSorted(got), err, n)
		}
		if got := sets.Load(); got != testPartitions {
			t.Errorf("reads of the sets: got %d, want %d", got, testPartitions)
		}
		other.mustSay(t, s, "x", epoch)
		bury(t, s, claimOne(t, s, epoch), epoch)
		stop := errors.New("stop")
		if err := s.WalkDead(t.Context(), "", func(followup.DeadLetter) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("WalkDead: got %v, want the visitor's error", err)
		}
		if err := s.WalkDead(t.Context(), p.tenant, func(followup.DeadLetter) error { return stop }); err != nil {
			t.Errorf("WalkDead of another tenant: got %v, want no error, as none is visited", err)
		}
	})
}

// onCommand is a client hook that is called with the name of every command that is sent.
type onCommand func(name string)

func (f onCommand) DialHook(next redis.DialHook) redis.DialHook { return next }

func (f onCommand) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		f(cmd.Name())
		return next(ctx, cmd)
	}
}

func (f onCommand) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, c := range cmds {
			f(c.Name())
		}
		return next(ctx, cmds)
	}
}

// TestI1DeepEventsAreReadBack checks that an event that nests as deep as decoders allow can be read
// again from its queue and from its dead letter.
func TestI1DeepEventsAreReadBack(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		const deep = 9_000
		value := `{"a":` + strings.Repeat("[", deep-1) + strings.Repeat("]", deep-1) + `}`
		if _, err := s.Settle(t.Context(), followup.Settlement{
			Tenant: p.tenant, Lead: followup.AccountLead(p.channel), Account: true, Now: epoch, Real: epoch,
			Items: []followup.Item{{
				DedupID: "deep", Channel: p.channel, Assistant: p.assistant, At: epoch,
				Relay: &followup.RelayEvent{Channel: p.channel, Field: "x", Value: []byte(value)},
			}},
		}); err != nil {
			t.Fatal(err)
		}
		id := bury(t, s, claimOne(t, s, epoch), epoch)
		if _, n, err := s.DeadLetters(t.Context(), "", 10, 0); err != nil || n != 1 {
			t.Errorf("dead letters: got %d, %v, want 1", n, err)
		}
		if err := s.ReplayDead(t.Context(), id, epoch); err != nil {
			t.Errorf("ReplayDead: got %v, want no error", err)
		}
		if d := claimOne(t, s, epoch); len(d.Events) != 1 || string(d.Events[0].Value) != value {
			t.Error("replayed: got another event, want it as it was")
		}
	})
}
