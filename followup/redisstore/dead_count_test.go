package redisstore

import (
	"errors"
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// forgetCounts removes what was counted for dead letters, as a program leaves it that does not
// count them. All letters in these partitions must be the party's.
func forgetCounts(t *testing.T, s *Store, of party, partitions ...int) {
	t.Helper()
	for _, p := range partitions {
		s.db.Del(t.Context(), tagOf(p).deadCounted())
		s.db.HDel(t.Context(), tagOf(p).relayBacklog(), deadField(of.tenant, of.assistant))
	}
}

// deadLetterAt has the lead say something that becomes a dead letter, and returns the letter's id.
func (p party) deadLetterAt(t *testing.T, s *Store, at time.Time) string {
	t.Helper()
	p.mustSay(t, s, "x", at)
	return bury(t, s, claimOne(t, s, at), at)
}

// TestRecountDeadAfterAProgramThatCountsNone checks that RecountDead counts the letters that a
// program that does not count buried, and takes off the letters that such a program removed. A
// program that counts may bury and remove letters in between.
func TestRecountDeadAfterAProgramThatCountsNone(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		recount := func(what string) {
			t.Helper()
			for range 2 {
				if err := s.RecountDead(t.Context()); err != nil {
					t.Fatalf("%s: RecountDead: %v", what, err)
				}
				checkBacklog(t, s)
			}
		}
		p := newParty()
		home := s.partition(p.lead)
		first := p.deadLetterAt(t, s, epoch)
		forgetCounts(t, s, p, home)
		if err := s.ReplayDead(t.Context(), first, epoch); err != nil {
			t.Fatal(err)
		}
		checkBacklog(t, s) // only the replayed event counts, as its letter counted nothing
		drain(t, s)

		first, second := p.deadLetterAt(t, s, epoch.Add(2*time.Hour)), ""
		forgetCounts(t, s, p, home)
		second = p.deadLetterAt(t, s, epoch.Add(3*time.Hour))
		recount("buried without a count")

		_, webhookID, _ := strings.Cut(first, "-")
		tag := tagOf(home)
		s.db.ZRem(t.Context(), tag.dead(), deadMember(webhookID, p.lead))
		s.db.ZRem(t.Context(), tag.deadOf(p.tenant), deadMember(webhookID, p.lead))
		s.db.HDel(t.Context(), tag.deadLetters(), webhookID)
		recount("dropped without uncounting")

		if err := s.DropDead(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		checkBacklog(t, s)
		if n := s.db.Exists(t.Context(), tag.deadCounted(), tag.relayBacklog()).Val(); n != 0 {
			t.Errorf("keys of counts left: got %d, want none", n)
		}
	})
}

// TestRecountDeadWhileALetterLeaves changes a letter between the moment when RecountDead reads it
// and the moment when it counts it. A letter that was dropped or replayed is not counted, and a
// letter that somebody else counted is not counted twice.
func TestRecountDeadWhileALetterLeaves(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := openStore(t, Params{Client: server.Client()})
	for name, do := range map[string]func(*Store, party, string) error{
		"dropped": drop, "replayed": replay,
		"recounted": func(s *Store, _ party, _ string) error { return s.RecountDead(t.Context()) },
	} {
		p := newParty()
		id := p.deadLetterAt(t, s, epoch)
		forgetCounts(t, s, p, s.partition(p.lead))
		client := server.Client()
		late := openStore(t, Params{Client: client})
		client.AddHook(meanwhile(recountScript, func() {
			if err := do(s, p, id); err != nil {
				t.Errorf("%s: got %v, want no error", name, err)
			}
		}))
		if err := late.RecountDead(t.Context()); err != nil {
			t.Fatalf("%s: RecountDead: %v", name, err)
		}
		checkBacklog(t, s)
		drain(t, s)
		if err := s.DropDead(t.Context(), id); (err == nil) != (name == "recounted") {
			t.Errorf("%s: DropDead: got %v, want no error only if the letter was recounted", name, err)
		}
	}
}

// TestUpgradeCountsDeadLetters counts the dead letters in the recorded stores of all formats.
func TestUpgradeCountsDeadLetters(t *testing.T) {
	t.Parallel()
	for _, file := range []string{format2, format1, format1OneField} {
		onRecorded(t, file, func(t *testing.T, s *Store) {
			if err := s.RecountDead(t.Context()); err != nil {
				t.Fatalf("RecountDead: %v", err)
			}
			checkBacklog(t, s)
			st, err := s.Stats(t.Context(), epoch, epoch)
			if err != nil || st.RelayDead != 1 {
				t.Fatalf("Stats: got %+v, %v, want one dead letter", st, err)
			}
			letters, _, err := s.DeadLetters(t.Context(), old.tenant, 1, 0)
			if err != nil || len(letters) != 1 || st.RelayBacklogDead != letters[0].Count {
				t.Errorf("RelayBacklogDead: got %d, %v, want the events of %+v", st.RelayBacklogDead, err, letters)
			}
		})
	}
}

// TestUnreadableDeadLetterCounts checks that an unreadable letter that was counted keeps its count
// as long as it exists. A letter that was unreadable before it was counted counts nothing, because
// nobody knows how many events it has.
func TestUnreadableDeadLetterCounts(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		for name, text := range unreadables {
			for _, known := range []bool{true, false} {
				p := newParty()
				torn, whole, of := unreadableLetter(t, s, p, text(p))
				want := 2
				if !known {
					_, webhookID, _ := strings.Cut(torn, "-")
					forgetCount(t, s, of, webhookID)
					want = 1
				}
				is := func(when string, want int) {
					t.Helper()
					if err := s.RecountDead(t.Context()); err != nil {
						t.Fatalf("%s, %s: RecountDead: %v", name, when, err)
					}
					st, err := s.Stats(t.Context(), epoch, epoch)
					if err != nil || st.RelayBacklogDead != want || st.RelayBacklog != want {
						t.Errorf("%s, counted %t, %s: got %+v, %v, want a backlog of %d, all dead", name, known, when, st, err, want)
					}
				}
				is("buried", want)
				to := of
				for _, same := range []bool{true, false} {
					from := to
					for to = followup.NewLeadID(); (s.partition(to) == s.partition(from)) != same; {
						to = followup.NewLeadID()
					}
					if err := s.moveDead(t.Context(), p.tenant, from, to); err != nil {
						t.Fatalf("%s: moveDead: %v", name, err)
					}
					is("handed over", want)
				}
				if err := s.dropDeadOf(t.Context(), p.tenant, to); err != nil {
					t.Fatalf("%s: dropDeadOf: %v", name, err)
				}
				is("dropped", 1)
				checkBacklog(t, s)
				if err := s.DropDead(t.Context(), whole); err != nil {
					t.Fatal(err)
				}
				checkBacklog(t, s)
			}
		}
	})
}

// forgetCount makes one letter count nothing.
func forgetCount(t *testing.T, s *Store, lead followup.LeadID, webhookID string) {
	t.Helper()
	tag, name := s.tag(lead), deadMember(webhookID, lead)
	_, field, _ := strings.Cut(s.db.HGet(t.Context(), tag.deadCounted(), name).Val(), " ")
	s.db.HDel(t.Context(), tag.deadCounted(), name, "l:"+field+"|"+string(lead))
	if s.db.HIncrBy(t.Context(), tag.relayBacklog(), field, -1).Val() == 0 {
		s.db.HDel(t.Context(), tag.relayBacklog(), field)
	}
}

// TestI13DeadLettersWhileTheirSlotMigrates removes the last dead letter while its slot migrates.
// The script must succeed at once, and the letter's count must go with it.
func TestI13DeadLettersWhileTheirSlotMigrates(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c, s, p := everyKey(t)
	tag := s.tag(p.lead)
	slot := c.Slot(tag.lead(p.lead))
	other := p.inPartition(s, func(n int) bool { return n == s.partition(p.lead) })
	other.mustSay(t, s, "x", epoch)
	drain(t, s)
	for name, do := range map[string]func(string) error{
		"DropDead":   func(id string) error { return s.DropDead(ctx, id) },
		"ReplayDead": func(id string) error { return s.ReplayDead(ctx, id, epoch) },
		"moveDead":   func(string) error { return s.moveDead(ctx, p.tenant, p.lead, other.lead) },
	} {
		list, _, err := s.DeadLetters(ctx, p.tenant, 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list {
			if err := s.DropDead(ctx, d.ID); err != nil {
				t.Fatal(err)
			}
		}
		id := p.deadLetterAt(t, s, epoch.Add(24*time.Hour))
		p.mustSay(t, s, "behind it", epoch)
		_, webhookID, _ := strings.Cut(id, "-")
		s.db.Set(ctx, tag.answered(webhookID), "another", time.Hour)
		m := c.Migrate(slot, c.Other(slot))
		if err := do(id); err != nil {
			t.Errorf("%s: got %v, want no error", name, err)
		}
		m.Finish()
		c.Settled()
		checkBacklog(t, s)
		drain(t, s)
	}
}

// TestBacklogErrorNamesDeadLetters checks that the error of a refused settlement names the
// assistant, and says whether dead letters are to be replayed or dropped.
func TestBacklogErrorNamesDeadLetters(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		s.backlog.bound, s.backlog.age = testPartitions, 0
		says := func(p party, dead bool) {
			t.Helper()
			err := p.say(t.Context(), s, "one more", epoch)
			if !errors.Is(err, followup.ErrBacklog) {
				t.Fatalf("Settle: got %v, want ErrBacklog", err)
			}
			if !strings.Contains(err.Error(), string(p.assistant)) || strings.Contains(err.Error(), "wagate dead") != dead {
				t.Errorf("error: got %q, want the assistant in it, and the command for dead letters: %t", err, dead)
			}
		}
		p := newParty()
		p.fill(t, s)
		says(p, false)
		drain(t, s)
		p = newParty()
		for range testPartitions {
			p.deadLetterAt(t, s, epoch)
		}
		says(p, true)
		p.lead = p.inPartition(s, func(n int) bool { return n == s.partition(p.lead) }).lead
		says(p, true)
	})
}

// TestBacklogOfDeadLettersHoldsForSaid checks that the bound also holds for settlements that the
// said script takes.
func TestBacklogOfDeadLettersHoldsForSaid(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		s.backlog.bound, s.backlog.age = testPartitions, 0
		p := newParty()
		for range testPartitions {
			p.deadLetterAt(t, s, epoch)
		}
		if _, err := s.Settle(t.Context(), p.saying(epoch, "one more")); !errors.Is(err, followup.ErrBacklog) {
			t.Errorf("Settle: got %v, want ErrBacklog", err)
		}
	})
}
