package redisstore

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// TestTransientKeysExpire makes each kind of key that has a lifetime in the table of doc.go, and
// checks the key's expiry.
func TestTransientKeysExpire(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := openStore(t, Params{Client: redistest.Start(t).Client()})
	s.fewInHash = false
	p := newParty()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	p.mustSay(t, s, "a", epoch)
	settleText(t, s, p, p.lead, "m")
	must(s.FinishDelivery(ctx, followup.FinishDelivery{Delivery: claimOne(t, s, epoch), Delivered: true, Real: epoch}))
	for _, key := range []string{"begun", "done"} {
		_, err := s.BeginKey(ctx, p.tenant, key, "f", epoch, time.Minute)
		must(err)
	}
	must(s.db.PExpire(ctx, idempotencyKey(p.tenant, "done"), time.Minute).Err()) // as if it had begun long ago
	must(s.FinishKey(ctx, p.tenant, "done", []byte("x"), epoch))
	_, err := s.Pace(ctx, p.channel, 1, 1, time.Minute, epoch)
	must(err)
	_, _ = s.Message(ctx, p.tenant, "parked", &followup.Parked{At: epoch})
	_, err = s.LinkMessage(ctx, p.tenant, followup.MessageRef{SenderID: "linked"})
	must(err)
	dropped := p
	dropped.lead = followup.NewLeadID()
	dropped.mustSay(t, s, "b", epoch)
	letter := bury(t, s, claimOne(t, s, epoch), epoch)
	must(s.DropDead(ctx, letter))
	dropP, webhook, err := s.parseLetterID(letter)
	must(err)

	tag := s.tag(p.lead)
	const day = 24 * time.Hour
	for key, want := range map[string]time.Duration{
		tag.history(p.lead, p.channel):    followup.HistoryAge,
		tag.dedup(p.lead):                 9 * day,
		tag.frozen(p.lead, p.assistant):   time.Hour,
		tagOf(dropP).answered(webhook):    time.Hour,
		idempotencyKey(p.tenant, "begun"): followup.KeyAge,
		idempotencyKey(p.tenant, "done"):  followup.KeyAge,
		paceKey(p.channel):                day,
		messageKey(p.tenant, "linked"):    followup.RunAge,
		parkedKey(p.tenant, "parked"):     followup.DedupAge,
	} {
		got := s.db.PTTL(ctx, key).Val()
		if got > want || got < want-time.Minute {
			t.Errorf("%s: got TTL %v, want %v", key, got, want)
		}
	}
	younger := p
	younger.lead, err = s.Resolve(ctx, p.tenant, followup.Identity{Phone: "1"}, true, epoch)
	must(err)
	settleText(t, s, younger, younger.lead, "m")
	older, err := s.Resolve(ctx, p.tenant, followup.Identity{UserID: "1"}, true, epoch.Add(-time.Hour))
	must(err)
	_, err = s.Resolve(ctx, p.tenant, followup.Identity{Phone: "1", UserID: "1"}, true, epoch)
	must(err)
	if got := s.db.PTTL(ctx, s.tag(older).dedup(older)).Val(); got <= 0 {
		t.Errorf("first sights that a merge brought: got TTL %v, want an expiry", got)
	}
	// The delivery was left to expire; once there is a new one, its key must not expire.
	p.mustSay(t, s, "c", epoch)
	claimOne(t, s, epoch)
	if got := s.db.PTTL(ctx, tag.frozen(p.lead, p.assistant)).Val(); got != -1 {
		t.Errorf("frozen delivery that is out: got TTL %v, want none", got)
	}
	// A split is remembered until the last of its events is delivered.
	split := newParty()
	split.mustSay(t, s, "a", epoch)
	split.mustSay(t, s, "b", epoch)
	must(s.FinishDelivery(ctx, followup.FinishDelivery{Delivery: claimOne(t, s, epoch), Split: true, Real: epoch}))
	for _, want := range []time.Duration{-1, time.Hour} {
		must(s.FinishDelivery(ctx, followup.FinishDelivery{Delivery: claimOne(t, s, epoch), Delivered: true, Real: epoch}))
		if got := s.db.PTTL(ctx, s.tag(split.lead).frozen(split.lead, split.assistant)).Val(); got > want || got < want-time.Minute {
			t.Errorf("frozen delivery that was split: got TTL %v, want %v", got, want)
		}
	}
}

// TestI2KeysInUseAreExtended checks that the expiry of first sights and of a history is extended
// once in each half of a day in which something comes, and not with every message.
func TestI2KeysInUseAreExtended(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		ctx, p := t.Context(), newParty()
		s.fewInHash = false
		say := func(id string, at time.Time) {
			t.Helper()
			_, err := s.Settle(ctx, followup.Settlement{
				Tenant: p.tenant, Lead: p.lead, Now: at, Real: at,
				Items: []followup.Item{{
					DedupID: id, Channel: p.channel, Assistant: p.assistant, At: at, Opens: true,
					Entry: &followup.Entry{From: followup.FromLead, Text: id, At: at},
				}},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		tell := func(text string, at time.Time) {
			t.Helper()
			v, err := s.GuardSend(ctx, followup.GuardSend{
				Tenant: p.tenant, Lead: p.lead, Channel: p.channel, Assistant: p.assistant, Now: at, Real: at,
			})
			if err != nil || v.Refusal != followup.Allowed {
				t.Fatalf("GuardSend: got %+v, %v, want Allowed", v, err)
			}
			if err := s.RecordSend(ctx, followup.RecordSend{
				Tenant: p.tenant, Lead: p.lead, Channel: p.channel, Attempt: v.Attempt, Now: at, Real: at,
				Entry: &followup.Entry{From: followup.FromBusiness, Text: text, At: at},
			}); err != nil {
				t.Fatal(err)
			}
		}
		noon := epoch.Truncate(12 * time.Hour)
		first, history := s.tag(p.lead).dedup(p.lead), s.tag(p.lead).history(p.lead, p.channel)
		say("a", noon)
		for _, row := range []struct {
			name string
			what func(id string, at time.Time)
			at   time.Duration
			keys []string // the keys that are extended
		}{
			{"in the same half of a day", say, 11 * time.Hour, nil},
			{"in the next half", say, 12 * time.Hour, []string{first, history}},
			{"again in the next half", say, 13 * time.Hour, nil},
			{"a send in the half after that", tell, 24 * time.Hour, []string{history}},
		} {
			for _, key := range []string{first, history} {
				s.db.PExpire(ctx, key, time.Minute)
			}
			row.what(row.name, noon.Add(row.at))
			for _, key := range []string{first, history} {
				ttl, want := s.db.PTTL(ctx, key).Val(), slices.Contains(row.keys, key)
				if got := ttl > followup.DedupAge; got != want {
					t.Errorf("%s: %s: got TTL %v, want it extended: %v", row.name, key, ttl, want)
				}
			}
		}
	})
}

// TestI1LeadThatWasOnlyNamed kills Resolve after it has given out a new id and before it has
// written the record. Whatever comes next must make the record.
func TestI1LeadThatWasOnlyNamed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	dying := server.Client()
	dying.AddHook(crashBefore(nameScript))
	crashing := openStore(t, Params{Client: dying})
	s := openStore(t, Params{Client: server.Client()})
	later := epoch.Add(time.Minute)
	next := map[string]func(p party, lead followup.LeadID) error{
		"an event": func(p party, lead followup.LeadID) error {
			_, err := s.Settle(t.Context(), followup.Settlement{
				Tenant: p.tenant, Lead: lead, Now: later, Real: later,
				Items: []followup.Item{{DedupID: "d", Channel: p.channel, Assistant: p.assistant, At: later}},
			})
			return err
		},
		"a write": func(p party, lead followup.LeadID) error {
			l, err := s.Lead(t.Context(), p.tenant, lead)
			if err != nil {
				return err
			}
			_, err = s.PutLead(t.Context(), followup.PutLead{Lead: l, Now: later, Real: later})
			return err
		},
		"a merge": func(p party, _ followup.LeadID) error {
			who := followup.Identity{UserID: uuid.NewString()}
			if _, err := s.Resolve(t.Context(), p.tenant, who, true, later); err != nil {
				return err
			}
			who.ExternalID = string(p.lead)
			_, err := s.Resolve(t.Context(), p.tenant, who, true, later)
			return err
		},
	}
	for name, do := range next {
		t.Run(name, func(t *testing.T) {
			p := newParty()
			who := followup.Identity{ExternalID: string(p.lead)}
			if _, err := crashing.Resolve(t.Context(), p.tenant, who, true, epoch); err == nil {
				t.Fatal("Resolve: got no error, want the crash")
			}
			named, err := s.db.HGet(t.Context(), aliasesKey(p.tenant), "x:"+who.ExternalID).Result()
			if err != nil {
				t.Fatal(err)
			}
			lead := followup.LeadID(named)
			if err := do(p, lead); err != nil {
				t.Fatal(err)
			}
			l, err := s.Lead(t.Context(), p.tenant, lead)
			if err != nil || l.Tenant != p.tenant || !l.CreatedAt.Equal(later) || !l.UpdatedAt.Equal(later) {
				t.Errorf("lead: got %+v, %v, want the tenant's, created by what came next", l, err)
			}
			list, n, err := s.Leads(t.Context(), p.tenant, followup.LeadFilter{Limit: 5})
			if err != nil || n != 1 || list[0].ID != lead {
				t.Errorf("list: got %v, %d, %v, want only that lead", list, n, err)
			}
		})
	}
}
