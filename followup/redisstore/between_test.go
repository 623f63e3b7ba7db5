package redisstore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// newDeadLetter makes a dead letter with the text x, and returns its party and its id.
func newDeadLetter(t *testing.T, s *Store) (party, string) {
	t.Helper()
	p := newParty()
	p.lead = mustResolve(t, s, p, followup.Identity{Phone: "1"}, epoch)
	p.mustSay(t, s, "x", epoch)
	return p, bury(t, s, claimOne(t, s, epoch), epoch)
}

// TestI2DeadLetterLeavesOnce lets two operators, or an operator and an erasure of the lead, work on
// one dead letter at the same time. Only the first takes effect.
func TestI2DeadLetterLeavesOnce(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := openStore(t, Params{Client: server.Client()})
	for _, row := range []struct {
		name         string
		script       *script
		late, sooner func(*Store, party, string) error
		want         string // what is delivered in the end
	}{
		{"replayed twice", replayScript, replay, replay, "x "},
		{"replayed after it was dropped", replayScript, replay, drop, ""},
		{"dropped after it was replayed", dropScript, drop, replay, "x "},
		{"dropped twice", dropScript, drop, drop, ""},
		{"replayed after its lead was erased", replayScript, replay, eraseLead, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			client := server.Client()
			other := openStore(t, Params{Client: client})
			p, letter := newDeadLetter(t, s)
			client.AddHook(meanwhile(row.script, func() {
				if err := row.sooner(s, p, letter); err != nil {
					t.Errorf("first caller: got %v, want no error", err)
				}
			}))
			if err := row.late(other, p, letter); !errors.Is(err, followup.ErrNotFound) {
				t.Errorf("second caller: got %v, want ErrNotFound", err)
			}
			got := ""
			for _, d := range claimAll(t, s, epoch.Add(time.Hour)) {
				got += textsIn(d)
				delivered(t, s, d)
			}
			if got != row.want {
				t.Errorf("delivered: got %q, want %q", got, row.want)
			}
		})
	}
}

// halfErased stops an erasure after the lead has become a tombstone and before its dead letters are
// removed.
func halfErased(t *testing.T) (*Store, party, string) {
	t.Helper()
	server := redistest.Start(t)
	s := openStore(t, Params{Client: server.Client()})
	p, letter := newDeadLetter(t, s)
	dying := server.Client()
	dying.AddHook(crashBefore(dropScript))
	if err := eraseLead(openStore(t, Params{Client: dying}), p, letter); !errors.Is(err, errCrash) {
		t.Fatalf("EraseLead: got %v, want the crash", err)
	}
	return s, p, letter
}

// TestI11InterruptedErasureRevivesNothing checks that a dead letter that an interrupted erasure left
// cannot be replayed.
func TestI11InterruptedErasureRevivesNothing(t *testing.T) {
	t.Parallel()
	s, p, letter := halfErased(t)
	if err := replay(s, p, letter); !errors.Is(err, followup.ErrNotFound) {
		t.Errorf("ReplayDead: got %v, want ErrNotFound", err)
	}
	if got := claimAll(t, s, epoch.Add(time.Hour)); len(got) != 0 {
		t.Errorf("deliveries: got %d, want none", len(got))
	}
}

// TestI11InterruptedErasureIsFinished asks for the erasure again. The answer is ErrNotFound, from any
// replica, and what was left is removed. If another tenant asks, nothing is removed.
func TestI11InterruptedErasureIsFinished(t *testing.T) {
	t.Parallel()
	s, p, letter := halfErased(t)
	stranger := newParty()
	stranger.lead = p.lead
	for _, row := range []struct {
		who  party
		left int
	}{{stranger, 1}, {p, 0}} {
		if err := eraseLead(s, row.who, letter); !errors.Is(err, followup.ErrNotFound) {
			t.Errorf("EraseLead again: got %v, want ErrNotFound", err)
		}
		if _, n, err := s.DeadLetters(t.Context(), p.tenant, 10, 0); err != nil || n != row.left {
			t.Errorf("dead letters: got %d, %v, want %d", n, err, row.left)
		}
	}
}

func replay(s *Store, _ party, letter string) error {
	return s.ReplayDead(context.Background(), letter, epoch)
}

func drop(s *Store, _ party, letter string) error { return s.DropDead(context.Background(), letter) }

func eraseLead(s *Store, p party, _ string) error {
	return s.EraseLead(context.Background(), p.tenant, p.lead, epoch)
}

// keysOf lists every key that has the lead's id in its name, its fields or values, or its members.
func keysOf(t *testing.T, s *Store, lead followup.LeadID) []string {
	t.Helper()
	var out []string
	iter := s.db.Scan(t.Context(), 0, "*", 1000).Iterator()
	stem := string(lead)[:30] // its runs and attempts begin with this too
	for iter.Next(t.Context()) {
		key := iter.Val()
		held := strings.Contains(key, stem)
		switch s.db.Type(t.Context(), key).Val() {
		case "zset":
			for _, m := range s.db.ZRange(t.Context(), key, 0, -1).Val() {
				held = held || strings.Contains(m, stem)
			}
		case "hash":
			for f, v := range s.db.HGetAll(t.Context(), key).Val() {
				held = held || strings.Contains(f, stem) || strings.Contains(v, stem)
			}
		}
		if held {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

// livedLead returns a lead that has something of everything: a history, a window, a run in sending,
// attempts, first sights, a queue with a delivery that is out, a dead letter, and a replayed one.
func livedLead(t *testing.T, s *Store, p party, who followup.Identity) followup.LeadID {
	t.Helper()
	ctx, lead := t.Context(), mustResolve(t, s, p, who, epoch)
	p.lead = lead
	settleText(t, s, p, lead, "m-"+string(lead))
	for range 2 {
		p.mustSay(t, s, "x", epoch)
		bury(t, s, claimOne(t, s, epoch), epoch)
	}
	letters, _, err := s.DeadLetters(ctx, p.tenant, 1, 0)
	if err != nil || s.ReplayDead(ctx, letters[0].ID, epoch) != nil {
		t.Fatalf("DeadLetters and ReplayDead: got %v, want one letter replayed", err)
	}
	p.sending(t, s, lead)
	claimOne(t, s, epoch)
	return lead
}

// TestI11ErasureReachesEveryKey looks into Redis itself for what is left of an erased lead and of
// the two leads that were merged into it one after the other.
func TestI11ErasureReachesEveryKey(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		ctx, p := t.Context(), newParty()
		var told []followup.Ended
		s.onEnded = func(e []followup.Ended) { told = append(told, e...) }
		first := livedLead(t, s, p, followup.Identity{ExternalID: "crm-1"})
		second := livedLead(t, s, p, followup.Identity{Phone: "15550100005"})
		third := livedLead(t, s, p, followup.Identity{UserID: "BR.5"})
		for _, who := range []followup.Identity{{Phone: "15550100005", UserID: "BR.5"}, {Phone: "15550100005", ExternalID: "crm-1"}} {
			if _, err := s.Resolve(ctx, p.tenant, who, true, epoch); err != nil {
				t.Fatal(err)
			}
		}
		leads := []followup.LeadID{first, second, third}
		var last followup.LeadID
		for _, lead := range leads {
			tag := s.tag(lead)
			if s.db.HGet(ctx, tag.lead(lead), "mv").Val() == "" {
				last = lead
				continue
			}
			// A merged lead keeps only what its step in sending needs.
			for _, key := range []string{tag.dedup(lead), tag.history(lead, p.channel), tag.queue(lead, p.assistant), tag.frozen(lead, p.assistant)} {
				if s.db.Exists(ctx, key).Val() != 0 {
					t.Errorf("merged lead: got key %s left, want it gone", key)
				}
			}
			for field := range s.db.HGetAll(ctx, tag.lead(lead)).Val() {
				known := slices.Contains([]string{"v", "t", "mv", "rs", "as", "lv", "r1", "f1", "k1", "s1"}, field) || strings.HasPrefix(field, "im:")
				if !known {
					t.Errorf("merged lead: got field %s left, want it gone", field)
				}
			}
		}
		told = nil
		if err := s.EraseLead(ctx, p.tenant, last, epoch); err != nil {
			t.Fatal(err)
		}
		for _, lead := range leads {
			tag := s.tag(lead)
			if got, want := keysOf(t, s, lead), []string{tag.lead(lead)}; !slices.Equal(got, want) {
				t.Errorf("keys of an erased lead: got %q, want only its tombstone", got)
			}
			for field, value := range s.db.HGetAll(ctx, tag.lead(lead)).Val() {
				if want := map[string]string{"v": "1", "t": string(p.tenant), "mv": erased}[field]; value != want {
					t.Errorf("tombstone field %s: got %q, want %q", field, value, want)
				}
			}
		}
		// A Resolve that was under way during the erasure must not write to the tombstone.
		late := followup.Identity{Phone: "15550100005"}
		if _, err := s.name(ctx, p.tenant, last, late, epoch); !errors.Is(err, followup.ErrLeadMoved) {
			t.Errorf("naming after the erasure: got %v, want ErrLeadMoved", err)
		}
		if got := s.db.HLen(ctx, s.tag(last).lead(last)).Val(); got != 3 {
			t.Errorf("tombstone after that naming: got %d fields, want 3", got)
		}
		var reasons []string
		for _, e := range told {
			reasons = append(reasons, string(e.Reason))
		}
		if want := []string{"erased", "erased", "erased"}; !slices.Equal(reasons, want) {
			t.Errorf("reasons of the ended runs: got %q, want %q", reasons, want)
		}
	})
}

// TestI1MergeScriptsMeetChangedLeads calls the scripts of a merge for leads that changed since the
// merge read them.
func TestI1MergeScriptsMeetChangedLeads(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		ctx, p := t.Context(), newParty()
		lead := func() scope {
			id, err := s.Resolve(ctx, p.tenant, followup.Identity{ExternalID: uuid.NewString()}, true, epoch)
			if err != nil {
				t.Fatal(err)
			}
			settleText(t, s, p, id, "m")
			return scope{lead: id, tenant: p.tenant, now: epoch, real: epoch, frozen: true}
		}
		out := func(from scope, to followup.LeadID) (reply, error) {
			return s.call(ctx, s.run, mergeOutScript, from, marshal(map[string]any{"to": to}))
		}
		loser, winner, third := lead(), lead(), lead()
		for _, to := range []followup.LeadID{winner.lead, third.lead} {
			if _, err := out(loser, to); err != nil {
				t.Fatal(err)
			}
			if got := s.db.HGet(ctx, s.tag(loser.lead).lead(loser.lead), "mv").Val(); got != string(winner.lead) {
				t.Errorf("lead merged twice: got it merged into %s, want the first winner", got)
			}
		}
		if _, err := out(winner, third.lead); err != nil {
			t.Fatal(err)
		}
		_, err := s.call(ctx, s.run, mergeInScript, winner, marshal(mergeIn{
			From: string(loser.lead), Fields: map[string]string{"nm": "Ana"}, Histories: [][]string{}, Queues: [][]string{},
		}), "")
		if !errors.Is(err, followup.ErrLeadMoved) {
			t.Errorf("import into a merged lead: got %v, want ErrLeadMoved", err)
		}
		gone := lead()
		if err := s.EraseLead(ctx, p.tenant, gone.lead, epoch); err != nil {
			t.Fatal(err)
		}
		if r, err := out(gone, third.lead); err != nil || r.text(0) != erased {
			t.Errorf("merge of an erased lead: got %q, %v, want erased", r.text(0), err)
		}
		if _, err := s.erase(ctx, third, eraseRequest{Keep: true}); err != nil {
			t.Fatal(err)
		}
		if h, err := s.History(ctx, third.lead, p.channel, epoch); err != nil || len(h) != 1 {
			t.Errorf("clearing a lead that is not merged: got %d history entries left, %v, want 1", len(h), err)
		}
		// A run that started since the loser was read ends as merged, and its assistant is told.
		run := p.step(t, s, "c")
		if _, err := out(scope{lead: run.Lead(), tenant: p.tenant, now: epoch, real: epoch, frozen: true}, third.lead); err != nil {
			t.Errorf("merge of a lead with a run that started meanwhile: got %v, want no error", err)
		}
		if r, err := s.Run(ctx, p.tenant, run); err != nil || r.Reason != followup.Merged {
			t.Errorf("its run: got reason %q, %v, want merged", r.Reason, err)
		}
		// An identity that was given to another lead meanwhile stays with that lead.
		phone := "p:15550100006"
		if err := s.db.HSet(ctx, aliasesKey(p.tenant), phone, string(third.lead)).Err(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.run(ctx, realiasScript, []string{aliasesKey(p.tenant), leadsKey(p.tenant)},
			string(loser.lead), string(winner.lead), phone); err != nil {
			t.Fatal(err)
		}
		if got := s.db.HGet(ctx, aliasesKey(p.tenant), phone).Val(); got != string(third.lead) {
			t.Errorf("identity given to a third lead: got it pointed to %s, want the third lead", got)
		}
	})
}

// TestI9InterruptedMergeDeliversOnce stops a merge after the loser has handed its queue over. The
// events must not be delivered from the loser as well.
func TestI9InterruptedMergeDeliversOnce(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := openStore(t, Params{Client: server.Client()})
	for name, script := range before(mergeInScript, eraseScript) {
		t.Run(name, func(t *testing.T) {
			p := newParty()
			older, err := s.Resolve(t.Context(), p.tenant, followup.Identity{Phone: "1"}, true, epoch.Add(-time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			if p.lead, err = s.Resolve(t.Context(), p.tenant, followup.Identity{UserID: "1"}, true, epoch); err != nil {
				t.Fatal(err)
			}
			p.mustSay(t, s, "x", epoch)
			dying := server.Client()
			dying.AddHook(crashBefore(script))
			both := followup.Identity{Phone: "1", UserID: "1"}
			if _, err := openStore(t, Params{Client: dying}).Resolve(t.Context(), p.tenant, both, true, epoch); err == nil {
				t.Fatal("Resolve: got no error, want the crash")
			}
			got := ""
			later := time.Now().Add(time.Hour) // Resolve takes no real time, so the merge queues by the store's own clock
			deliver := func() {
				for _, d := range claimAll(t, s, later) {
					if d.Lead != older {
						t.Errorf("delivery: got one from %s, want it only from the winner", d.Lead)
					}
					got += textsIn(d)
					if err := s.FinishDelivery(t.Context(), followup.FinishDelivery{Delivery: d, Delivered: true, Real: later}); err != nil {
						t.Error(err)
					}
				}
			}
			deliver()
			if _, err := openStore(t, Params{Client: server.Client()}).Resolve(t.Context(), p.tenant, both, true, epoch); err != nil {
				t.Fatal(err)
			}
			deliver()
			if got != "x " {
				t.Errorf("delivered: got %q, want x once", got)
			}
		})
	}
}
