package redisstore

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// stranger is a contact who is not a lead; its lead is the stand-in for what comes for the contact.
type stranger struct {
	party
	who followup.Identity
}

func newStranger() stranger {
	s := stranger{party: newParty(), who: followup.Identity{Phone: "15550100001"}}
	s.lead = followup.ContactLead(s.tenant, s.who)
	return s
}

// mention settles an event under the stand-in.
func (p stranger) mention(t *testing.T, s *Store, id string) error {
	t.Helper()
	_, err := s.Settle(t.Context(), followup.Settlement{
		Tenant: p.tenant, Lead: p.lead, Account: true, Now: epoch, Real: epoch,
		Items: []followup.Item{{
			DedupID: id, Channel: p.channel, Assistant: p.assistant, At: epoch,
			Relay: &followup.RelayEvent{Channel: p.channel, Field: "messages", Value: fmt.Appendf(nil, `{"text":%q}`, id)},
		}},
	})
	return err
}

func (p stranger) mustMention(t *testing.T, s *Store, id string) {
	t.Helper()
	if err := p.mention(t, s, id); err != nil {
		t.Fatalf("Settle: got %v, want none", err)
	}
}

// become makes the stranger a lead.
func (p stranger) become(t *testing.T, s *Store) followup.LeadID {
	t.Helper()
	return mustResolve(t, s, p.party, p.who, epoch)
}

// wantPointer fails the test unless all that Redis holds of the stand-in is its pointer to the
// lead, for an hour, and the lead's note of the import.
func (p stranger) wantPointer(t *testing.T, s *Store, lead followup.LeadID) {
	t.Helper()
	key := s.tag(p.lead).lead(p.lead)
	left := slices.DeleteFunc(keysOf(t, s, p.lead), func(k string) bool { return k == key || k == s.tag(lead).lead(lead) })
	if len(left) != 0 {
		t.Errorf("left of the stand-in: got %q, want its pointer alone", left)
	}
	fields := s.db.HGetAll(t.Context(), key).Val()
	if got := slices.Sorted(maps.Keys(fields)); !slices.Equal(got, []string{"mv", "pu", "t", "v"}) || fields["mv"] != string(lead) {
		t.Errorf("pointer: got %v, want one to %s", fields, lead)
	}
	wantTTL(t, s, key, time.Hour)
}

// wantTTL fails the test unless the key lives for want, to a minute.
func wantTTL(t *testing.T, s *Store, key string, want time.Duration) {
	t.Helper()
	if got := s.db.PTTL(t.Context(), key).Val(); got > want || got < want-time.Minute {
		t.Errorf("%s: got %v to live, want %v", key, got, want)
	}
}

// deliverOnly delivers everything that waits and returns what it says. It fails the test if any of
// it is not of the lead.
func deliverOnly(t *testing.T, s *Store, lead followup.LeadID) string {
	t.Helper()
	got := ""
	for _, d := range deliverAll(t, s) {
		if d.Lead != lead {
			t.Errorf("delivered: got %q of %s, want it of %s", textsIn(d), d.Lead, lead)
		}
		got += textsIn(d)
	}
	return got
}

// TestI1InterruptedImportIsFinished kills the import of a stand-in before each of its steps.
// Whether the relay or another event meets it first, the import must be finished: everything is
// delivered once, as the lead's, and no call is refused.
func TestI1InterruptedImportIsFinished(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, script := range before(mergeOutScript, mergeInScript, importScript, eraseScript) {
		for _, byRelay := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, relay first %t", name, byRelay), func(t *testing.T) {
				p := newStranger()
				client := server.Client()
				s, after := openStore(t, Params{Client: client}), openStore(t, Params{Client: server.Client()})
				p.mustMention(t, s, "dead")
				bury(t, s, claimOne(t, s, epoch), epoch)
				p.mustMention(t, s, "1")
				client.AddHook(crashBefore(script))
				if _, err := s.Resolve(t.Context(), p.tenant, p.who, true, epoch); !errors.Is(err, errCrash) {
					t.Fatalf("Resolve: got %v, want the crash", err)
				}
				lead, err := p.named(t, after)
				if err != nil {
					t.Fatal(err)
				}
				got := ""
				if byRelay && script != mergeOutScript { // before it, the stand-in does not point to the lead yet
					got = deliverOnly(t, after, lead)
				}
				if again := p.become(t, openStore(t, Params{Client: server.Client()})); again != lead {
					t.Errorf("Resolve: got %s and %s, want the same lead", lead, again)
				}
				settleText(t, after, p.party, lead, "m")
				if got += deliverOnly(t, after, lead); got != "1 " {
					t.Errorf("delivered: got %q, want 1 once", got)
				}
				p.wantPointer(t, after, lead)
				letters, n, err := after.DeadLetters(t.Context(), p.tenant, 5, 0)
				if err != nil || n != 1 || letters[0].Lead != lead {
					t.Errorf("dead letters: got %v, %v, want one, of the lead", letters, err)
				}
				checkBacklog(t, after)
			})
		}
	}
}

// named returns the lead that the alias map has for the stranger's phone, without a call of the
// store.
func (p stranger) named(t *testing.T, s *Store) (followup.LeadID, error) {
	t.Helper()
	lead, err := s.db.HGet(t.Context(), aliasesKey(p.tenant), "p:"+p.who.Phone).Result()
	return followup.LeadID(lead), err
}

// TestI1ConcurrentImports runs, or begins, the same import in another process between the steps of
// an import. A caller that looked the contact up before must not be able to settle anything under
// the stand-in after that.
func TestI1ConcurrentImports(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, script := range before(mergeOutScript, mergeInScript, eraseScript) {
		for _, dies := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, other dies %t", name, dies), func(t *testing.T) {
				p := newStranger()
				client, others := server.Client(), server.Client()
				s, other := openStore(t, Params{Client: client}), openStore(t, Params{Client: others})
				p.mustMention(t, s, "1")
				if dies {
					others.AddHook(crashBefore(mergeInScript))
				}
				client.AddHook(meanwhile(script, func() {
					_, _ = other.Resolve(t.Context(), p.tenant, p.who, true, epoch)
					if err := p.mention(t, other, "2"); !errors.Is(err, followup.ErrLeadMoved) {
						t.Errorf("Settle: got %v, want ErrLeadMoved", err)
					}
				}))
				lead := p.become(t, s)
				last := openStore(t, Params{Client: server.Client()})
				if got := p.become(t, last); got != lead {
					t.Errorf("Resolve: got %s and %s, want the same lead", lead, got)
				}
				if got := deliverOnly(t, last, lead); got != "1 " {
					t.Errorf("delivered: got %q, want 1 once", got)
				}
				p.wantPointer(t, last, lead)
				checkBacklog(t, last)
			})
		}
	}
}

// TestI1LetterReplayedDuringImport: an operator replays a dead letter just when the stranger
// becomes a lead. It must be delivered once, as the lead's.
func TestI1LetterReplayedDuringImport(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, script := range before(mergeOutScript, mergeInScript, eraseScript) {
		t.Run(name, func(t *testing.T) {
			p := newStranger()
			client := server.Client()
			s, other := openStore(t, Params{Client: client}), openStore(t, Params{Client: server.Client()})
			p.mustMention(t, s, "1")
			bury(t, s, claimOne(t, s, epoch), epoch)
			client.AddHook(meanwhile(script, func() {
				letters, _, err := other.DeadLetters(t.Context(), p.tenant, 5, 0)
				if err != nil || len(letters) != 1 {
					t.Fatalf("dead letters: got %v, %v, want one", letters, err)
				}
				if err := other.ReplayDead(t.Context(), letters[0].ID, epoch); err != nil {
					t.Errorf("ReplayDead: got %v, want none", err)
				}
			}))
			lead := p.become(t, s)
			if got := deliverOnly(t, other, lead); got != "1 " {
				t.Errorf("delivered: got %q, want 1 once", got)
			}
			if _, n, err := other.DeadLetters(t.Context(), p.tenant, 5, 0); err != nil || n != 0 {
				t.Errorf("dead letters: got %d, %v, want none", n, err)
			}
			p.wantPointer(t, other, lead)
			checkBacklog(t, other)
		})
	}
}

// TestI1LeadMergedDuringImport: during an import, the lead is merged into another lead. What came
// for the stranger must be delivered as that lead's.
func TestI1LeadMergedDuringImport(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p := newStranger()
	client := server.Client()
	s, other := openStore(t, Params{Client: client}), openStore(t, Params{Client: server.Client()})
	older := mustResolve(t, s, p.party, followup.Identity{UserID: "US.1"}, epoch.Add(-time.Hour))
	p.mustMention(t, s, "1")
	client.AddHook(meanwhile(mergeInScript, func() {
		mustResolve(t, other, p.party, followup.Identity{Phone: p.who.Phone, UserID: "US.1"}, epoch)
	}))
	if got := p.become(t, s); got != older {
		t.Errorf("Resolve: got %s, want the older lead, %s", got, older)
	}
	if got := deliverOnly(t, other, older); got != "1 " {
		t.Errorf("delivered: got %q, want 1 once", got)
	}
	p.wantPointer(t, other, older)
	checkBacklog(t, other)
}

// TestStandInExpires: what is kept of a stranger must expire, but not while anything waits. A dead
// letter that an operator replays after that must still belong to the tenant.
func TestStandInExpires(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newStranger()
		key := s.tag(p.lead).lead(p.lead)
		forGood := func(when string) {
			t.Helper()
			if got := s.db.PTTL(t.Context(), key).Val(); got != -1 {
				t.Errorf("%s: got %v to live, want no expiry", when, got)
			}
		}
		// hourLater deletes what expires within an hour, after checking that it would.
		hourLater := func() {
			t.Helper()
			for _, k := range keysOf(t, s, p.lead) {
				if k == key || strings.Contains(k, ":f:") {
					wantTTL(t, s, k, time.Hour)
					s.db.Del(t.Context(), k)
				}
			}
		}
		p.mustMention(t, s, "1")
		forGood("settled")
		second := p
		second.assistant, second.channel = newParty().assistant, newParty().channel
		second.mustMention(t, s, "2")
		ds := claimAll(t, s, epoch)
		if len(ds) != 2 {
			t.Fatalf("deliveries: got %d, want 2", len(ds))
		}
		forGood("claimed")
		delivered(t, s, ds[0])
		forGood("one of two delivered")
		p.mustMention(t, s, "1") // a duplicate
		letter := bury(t, s, ds[1], epoch)
		wantTTL(t, s, key, time.Hour)
		wantTTL(t, s, s.tag(p.lead).dedup(p.lead), 9*24*time.Hour)
		hourLater()
		p.mustMention(t, s, "1") // a duplicate still
		hourLater()
		if err := s.ReplayDead(t.Context(), letter, epoch); err != nil {
			t.Fatal(err)
		}
		forGood("replayed")
		d := claimOne(t, s, epoch)
		if d.Tenant != p.tenant || len(d.Events) != 1 {
			t.Errorf("replayed: got %q of tenant %q, want it of %q", textsIn(d), d.Tenant, p.tenant)
		}
		if err := s.ReplayDead(t.Context(), bury(t, s, d, epoch), epoch); err != nil {
			t.Fatal(err)
		}
		forGood("replayed at once")
		d = claimOne(t, s, epoch)
		delivered(t, s, d)
		hourLater()
		// First sights go to the lead even if nothing else is left. The lead's record has no end.
		lead := p.become(t, s)
		p.wantPointer(t, s, lead)
		seen := p.party
		seen.lead = lead
		_, err := s.Settle(t.Context(), followup.Settlement{
			Tenant: p.tenant, Lead: lead, Now: epoch, Real: epoch,
			Items: []followup.Item{{
				DedupID: "1", Channel: p.channel, Assistant: p.assistant, At: epoch,
				Relay: &followup.RelayEvent{Channel: p.channel, Field: "messages", Value: []byte(`{}`)},
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := deliverOnly(t, s, lead); got != "" {
			t.Errorf("delivered again: got %q, want nothing", got)
		}
		seen.mustSay(t, s, "m", epoch)
		if got := deliverOnly(t, s, lead); got != "m " {
			t.Errorf("delivered: got %q, want m", got)
		}
		if got := s.db.PTTL(t.Context(), s.tag(lead).lead(lead)).Val(); got != -1 {
			t.Errorf("a lead whose queue is empty: got %v to live, want no expiry", got)
		}
	})
}

// TestAStandInStaysForWhatIsBehind what was delivered.
func TestAStandInStaysForWhatIsBehind(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newStranger()
		p.mustMention(t, s, "1")
		d := claimOne(t, s, epoch)
		p.mustMention(t, s, "behind")
		delivered(t, s, d)
		if got := s.db.PTTL(t.Context(), s.tag(p.lead).lead(p.lead)).Val(); got != -1 {
			t.Errorf("while something is behind: got %v to live, want for good", got)
		}
		delivered(t, s, claimOne(t, s, epoch))
		wantTTL(t, s, s.tag(p.lead).lead(p.lead), time.Hour)
	})
}
