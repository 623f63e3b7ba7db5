package redisstore

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// tripCounter is a client hook that counts round trips.
type tripCounter struct{ n atomic.Int32 }

func (c *tripCounter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *tripCounter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.n.Add(1)
		return next(ctx, cmd)
	}
}

func (c *tripCounter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.n.Add(1)
		return next(ctx, cmds)
	}
}

// TestKnownIdentitiesCostNoRoundTrip checks that resolving identities that the replica has seen
// costs no round trip: alone, with their lead's id, or with the id of a lead that became their
// lead.
func TestKnownIdentitiesCostNoRoundTrip(t *testing.T) {
	t.Parallel()
	ctx, p := t.Context(), newParty()
	client := redistest.Start(t).Client()
	s := openStore(t, Params{Client: client})
	resolve := func(who followup.Identity, create bool, at time.Duration) followup.LeadID {
		t.Helper()
		id, err := s.Resolve(ctx, p.tenant, who, create, epoch.Add(at))
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	long, short := "5511912345678", "551112345678"
	lead := resolve(followup.Identity{Phone: long}, true, 0)
	younger := resolve(followup.Identity{UserID: "BR.1"}, true, time.Second)
	resolve(followup.Identity{Lead: younger, Phone: short, UserID: "BR.1"}, false, 0)

	trips := &tripCounter{}
	client.AddHook(trips)
	for name, who := range map[string]followup.Identity{
		"phone":                              {Phone: long},
		"its other spelling":                 {Phone: short},
		"both":                               {Phone: short, UserID: "BR.1"},
		"both, with the lead's id":           {Phone: short, UserID: "BR.1", Lead: lead},
		"phone, with the lead's id":          {OldPhone: short, Lead: lead},
		"both, with the merged lead's id":    {Phone: long, UserID: "BR.1", Lead: younger},
		"user id, with the merged lead's id": {UserID: "BR.1", Lead: younger},
	} {
		if got := resolve(who, false, 0); got != lead {
			t.Errorf("%s: got %s, want %s", name, got, lead)
		}
		if n := trips.n.Swap(0); n != 0 {
			t.Errorf("%s: got %d round trips, want none", name, n)
		}
	}
	// Redis is asked about what the cache cannot know.
	if _, err := s.Resolve(ctx, p.tenant, followup.Identity{Phone: long, Lead: followup.NewLeadID()}, false, epoch); !errors.Is(err, followup.ErrNotFound) {
		t.Errorf("phone, with another lead's id: got %v, want ErrNotFound", err)
	}
	if n := trips.n.Swap(0); n == 0 {
		t.Error("phone, with another lead's id: got no round trip, want Redis to be asked")
	}
}

// TestI1MergeOvertakenByAnother merges the winner of a merge into a third lead before the winner
// has taken anything in. No caller may be turned away, and nothing may be lost.
func TestI1MergeOvertakenByAnother(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, half := range map[string]bool{"under way": false, "half done before": true} {
		t.Run(name, func(t *testing.T) {
			ctx, p := t.Context(), newParty()
			client := server.Client()
			s, other := openStore(t, Params{Client: client}), openStore(t, Params{Client: server.Client()})
			leads := p.talking(t, s, followup.Identity{ExternalID: "crm-1"}, followup.Identity{Phone: "15550100001"}, followup.Identity{UserID: "US.1"})
			both := followup.Identity{Phone: "15550100001", UserID: "US.1"}
			if half {
				dying := server.Client()
				dying.AddHook(crashBefore(mergeInScript))
				_, _ = openStore(t, Params{Client: dying}).Resolve(ctx, p.tenant, both, false, epoch)
				both.Phone = "" // whoever meets the tombstone first finishes the merge
			}
			client.AddHook(meanwhile(mergeInScript, func() {
				if _, err := other.Resolve(ctx, p.tenant, followup.Identity{Phone: "15550100001", ExternalID: "crm-1"}, false, epoch); err != nil {
					t.Errorf("Resolve meanwhile: got %v, want no error", err)
				}
			}))
			s.aliases.forget(leads[2])
			got, err := s.Resolve(ctx, p.tenant, both, false, epoch)
			if err != nil || got != leads[0] {
				t.Fatalf("Resolve: got %v, %v, want the oldest lead", got, err)
			}
			if h, err := s.History(ctx, got, p.channel, epoch); err != nil || len(h) != 3 {
				t.Errorf("history: got %v, %v, want the entries of all three", h, err)
			}
		})
	}
}

// TestI10ReplicaLearnsOfAStranger has a phone pass to a stranger. A replica's cache must not
// believe for long that the phone alone leads to the lead that had it; a phone with a user id still
// does.
func TestI10ReplicaLearnsOfAStranger(t *testing.T) {
	t.Parallel()
	ctx, p := t.Context(), newParty()
	server := redistest.Start(t)
	s, client := openStore(t, Params{Client: server.Client()}), server.Client()
	other, real := openStore(t, Params{Client: client}), epoch
	other.now = func() time.Time { return real }
	was := followup.Identity{Phone: "15550100001", UserID: "US.1"}
	lead := mustResolve(t, other, p, was, epoch)
	mustResolve(t, other, p, followup.Identity{Phone: was.Phone}, epoch)
	is, err := s.Lead(ctx, p.tenant, lead)
	if err != nil {
		t.Fatal(err)
	}
	is.Phone, is.UserID = "15550100002", "US.2"
	mustResolve(t, s, p, followup.Identity{Phone: is.Phone, UserID: is.UserID, OldPhone: was.Phone, OldUserID: was.UserID}, epoch)
	if _, err := s.PutLead(ctx, followup.PutLead{Lead: is, Now: epoch, Real: epoch}); err != nil {
		t.Fatal(err)
	}
	stranger := mustResolve(t, s, p, followup.Identity{Phone: was.Phone, UserID: "US.3"}, epoch)
	if stranger == lead {
		t.Fatal("stranger: got the lead that had the number before, want another lead")
	}
	real = real.Add(phoneAge)
	trips := &tripCounter{}
	client.AddHook(trips)
	if got := mustResolve(t, other, p, was, epoch); got != lead || trips.n.Load() != 0 {
		t.Errorf("phone and user id: got %s in %d round trips, want %s in none", got, trips.n.Load(), lead)
	}
	if got := mustResolve(t, other, p, followup.Identity{Phone: was.Phone}, epoch); got != stranger {
		t.Errorf("phone alone at another replica: got %s, want the stranger %s", got, stranger)
	}
}

// TestI1ResolveOfTheLoserOfAnInterruptedMerge kills a merge before each of its scripts. A later
// Resolve that names the loser must finish the merge and return the winner.
func TestI1ResolveOfTheLoserOfAnInterruptedMerge(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, script := range before(mergeOutScript, mergeInScript, realiasScript, eraseScript) {
		t.Run(name, func(t *testing.T) {
			ctx, p := t.Context(), newParty()
			client := server.Client()
			s := openStore(t, Params{Client: client})
			leads := p.talking(t, s, followup.Identity{Phone: "15550100001"}, followup.Identity{UserID: "US.1"})
			client.AddHook(crashBefore(script))
			_, _ = s.Resolve(ctx, p.tenant, followup.Identity{Lead: leads[1], Phone: "15550100001"}, false, epoch)

			after := openStore(t, Params{Client: server.Client()})
			for range 2 {
				got, err := after.Resolve(ctx, p.tenant, followup.Identity{Lead: leads[1], OldPhone: "15550100001"}, false, epoch)
				if err != nil || got != leads[0] {
					t.Fatalf("Resolve with the loser's id: got %v, %v, want the older lead", got, err)
				}
			}
			if h, err := after.History(ctx, leads[0], p.channel, epoch); err != nil || len(h) != 2 {
				t.Errorf("history: got %v, %v, want the entries of both", h, err)
			}
		})
	}
}

// TestLeadErasedAtOnceIsMadeAnew erases a new lead before its founder has written the record. The
// contact must become another lead.
func TestLeadErasedAtOnceIsMadeAnew(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client()
	s, founding := openStore(t, Params{Client: server.Client()}), openStore(t, Params{Client: client})
	p, who := newParty(), followup.Identity{Phone: "15550100001"}
	var first followup.LeadID
	client.AddHook(meanwhile(nameScript, func() {
		first = mustResolve(t, s, p, who, epoch)
		if err := s.EraseLead(t.Context(), p.tenant, first, epoch); err != nil {
			t.Errorf("EraseLead: got %v, want no error", err)
		}
	}))
	got := mustResolve(t, founding, p, who, epoch)
	if is := mustResolve(t, s, p, who, epoch); got == first || is != got {
		t.Errorf("Resolve: got %s, then %s, want one lead, and not the erased %s", got, is, first)
	}
}
