package redisstore

import (
	"fmt"
	"testing"
	"time"

	"wagate/followup"
)

// wantFirstSights fails the test unless the lead's first sights take that many bytes in the lead's
// hash and that many in their own key.
func (p party) wantFirstSights(t *testing.T, s *Store, field, key int) {
	t.Helper()
	tag := s.tag(p.lead)
	gotField := len(s.db.HGet(t.Context(), tag.lead(p.lead), "fs").Val())
	if gotKey := len(s.db.Get(t.Context(), tag.dedup(p.lead)).Val()); gotField != field || gotKey != key {
		t.Errorf("first sights: got %d bytes in the hash and %d in the key, want %d and %d", gotField, gotKey, field, key)
	}
}

// wantKnown fails the test unless the lead's events with these ids were settled before.
func (p party) wantKnown(t *testing.T, s *Store, at time.Time, ids ...string) {
	t.Helper()
	out, err := s.Settle(t.Context(), p.saying(at, ids...))
	if err != nil {
		t.Fatal(err)
	}
	for i, fresh := range out.Fresh {
		if fresh {
			t.Errorf("event %s: got it fresh, want it known", ids[i])
		}
	}
}

// onEachScript runs a test twice: with Settle, which takes the short cut of the said script where
// it can, and with the whole script.
func onEachScript(t *testing.T, f func(t *testing.T, s *Store, settle func(followup.Settlement))) {
	t.Helper()
	onEach(t, func(t *testing.T, s *Store) {
		for name, way := range map[string]func(followup.Settlement) (followup.Settled, error){
			"said": func(st followup.Settlement) (followup.Settled, error) { return s.Settle(t.Context(), st) },
			"settle": func(st followup.Settlement) (followup.Settled, error) {
				return s.settleWhole(t.Context(), st)
			},
		} {
			t.Run(name, func(t *testing.T) {
				f(t, s, func(st followup.Settlement) {
					t.Helper()
					if _, err := way(st); err != nil {
						t.Fatal(err)
					}
				})
			})
		}
	})
}

// TestI2FewFirstSightsLieInHash: up to five first sights must lie in the lead's hash, which must
// stay packed. One more must move them all to their own key, and none may be forgotten on the way.
func TestI2FewFirstSightsLieInHash(t *testing.T) {
	t.Parallel()
	onEachScript(t, func(t *testing.T, s *Store, settle func(followup.Settlement)) {
		p, ids := newParty(), []string{}
		settle(p.saying(epoch, "")) // which is no sight of anything
		p.wantFirstSights(t, s, 0, 0)
		for i := range 5 {
			ids = append(ids, fmt.Sprint(i))
			settle(p.saying(epoch, ids[i]))
			p.wantFirstSights(t, s, 12*len(ids), 0)
			p.wantKnown(t, s, epoch, ids...)
		}
		if !s.embedded {
			if kind := s.db.ObjectEncoding(t.Context(), s.tag(p.lead).lead(p.lead)).Val(); kind != "listpack" {
				t.Errorf("hash: got encoding %s, want listpack", kind)
			}
		}
		for i := 5; i < 7; i++ {
			ids = append(ids, fmt.Sprint(i))
			settle(p.saying(epoch, ids[i]))
			p.wantFirstSights(t, s, 0, 12*len(ids))
			p.wantKnown(t, s, epoch, ids...)
		}
		if ttl := s.db.PTTL(t.Context(), s.tag(p.lead).dedup(p.lead)).Val(); ttl <= followup.DedupAge {
			t.Errorf("key: got %v to live, want more than %v", ttl, followup.DedupAge)
		}
	})
}

// TestI2OldFirstSightsMakeRoom: old first sights must be dropped, so that new ones fit into the
// hash. First sights that have a key of their own must stay in that key, however few are left.
func TestI2OldFirstSightsMakeRoom(t *testing.T) {
	t.Parallel()
	onEachScript(t, func(t *testing.T, s *Store, settle func(followup.Settlement)) {
		later := epoch.Add(10 * 24 * time.Hour)
		few, many := newParty(), newParty()
		settle(few.saying(epoch, "1", "2", "3", "4", "5"))
		settle(few.saying(later, "6"))
		few.wantFirstSights(t, s, 12, 0)
		few.wantKnown(t, s, later, "6")
		settle(many.saying(epoch, "1", "2", "3", "4", "5", "6"))
		settle(many.saying(later, "7"))
		many.wantFirstSights(t, s, 0, 12)
		many.wantKnown(t, s, later, "7")
	})
}

// TestI2OlderStoreKeepsFirstSightsApart: a store of format 1 must keep all first sights in their
// own key, because a replica of the version that began it looks only there. A new store must have a
// format that such a replica does not open.
func TestI2OlderStoreKeepsFirstSightsApart(t *testing.T) {
	t.Parallel()
	onRecorded(t, format1, func(t *testing.T, s *Store) {
		p := newParty()
		p.tenant = old.tenant
		if _, err := s.Settle(t.Context(), p.saying(epoch, "1")); err != nil {
			t.Fatal(err)
		}
		p.wantFirstSights(t, s, 0, 12)
		// Once no such replica is left, the operator may raise the format.
		s.db.HSet(t.Context(), metaKey, "format", storeFormat)
		s = openStore(t, Params{Client: s.db, Embedded: s.embedded})
		p.wantKnown(t, s, epoch, "1")
		if _, err := s.Settle(t.Context(), p.saying(epoch, "2")); err != nil {
			t.Fatal(err)
		}
		p.wantFirstSights(t, s, 0, 24)
	})
	onEach(t, func(t *testing.T, s *Store) {
		if format := s.db.HGet(t.Context(), metaKey, "format").Val(); s.fewInHash != (format == "2") || !s.fewInHash {
			t.Errorf("new store: got format %s, few first sights in the hash: %v; want 2, true", format, s.fewInHash)
		}
	})
}

// TestI2MergeBringsFirstSights: a merge must bring the loser's first sights, wherever they lie, to
// where all of them fit.
func TestI2MergeBringsFirstSights(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		s.now = func() time.Time { return epoch }
		for _, tt := range []struct{ winners, losers, field, key int }{
			{0, 2, 2, 0}, {2, 3, 5, 0}, {3, 3, 0, 6}, {6, 1, 0, 7}, {1, 6, 0, 7}, {6, 6, 0, 12}, {2, 0, 2, 0},
		} {
			t.Run(fmt.Sprint(tt.winners, " and ", tt.losers), func(t *testing.T) {
				p := newParty()
				who := followup.Identity{Phone: "15550100081", UserID: "BR.81"}
				winner := p.asLead(mustResolve(t, s, p, followup.Identity{Phone: who.Phone}, epoch))
				loser := p.asLead(mustResolve(t, s, p, followup.Identity{UserID: who.UserID}, epoch.Add(time.Second)))
				var ids []string
				for i := range tt.winners + tt.losers {
					of := winner
					if i >= tt.winners {
						of = loser
					}
					ids = append(ids, fmt.Sprint(i))
					if _, err := s.Settle(t.Context(), of.saying(epoch, ids[i])); err != nil {
						t.Fatal(err)
					}
				}
				if got := mustResolve(t, s, p, who, epoch); got != winner.lead {
					t.Fatalf("Resolve: got %s, want %s", got, winner.lead)
				}
				winner.wantFirstSights(t, s, 12*tt.field, 12*tt.key)
				loser.wantFirstSights(t, s, 0, 0)
				winner.wantKnown(t, s, epoch, ids...)
				if err := s.EraseLead(t.Context(), p.tenant, winner.lead, epoch); err != nil {
					t.Fatal(err)
				}
				winner.wantFirstSights(t, s, 0, 0)
			})
		}
	})
}
