package redisstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// contactEvent is an event about a contact, who is named by some of its identities. An event that
// only mentions the contact creates no lead.
type contactEvent struct {
	who      followup.Identity
	id       string
	mentions bool
}

// onServers starts, for each kind of Redis that several processes may share, such a Redis, and
// returns how to connect to it.
var onServers = map[string]func(t *testing.T) func() redis.UniversalClient{
	"real": func(t *testing.T) func() redis.UniversalClient {
		server := redistest.Start(t)
		return func() redis.UniversalClient { return server.Client() }
	},
	"cluster": func(t *testing.T) func() redis.UniversalClient {
		cluster := redistest.StartCluster(t, 3, 0)
		return func() redis.UniversalClient { return cluster.Client() }
	},
}

// TestI2OneContactAtManyReplicas has four replicas settle everything that comes about one contact,
// each replica in its own order and under different identities. Whichever creates the lead and
// whatever is merged on the way: in the end there must be one lead, and each event must be
// delivered once.
func TestI2OneContactAtManyReplicas(t *testing.T) {
	t.Parallel()
	for name, client := range onServers {
		t.Run(name, func(t *testing.T) {
			connect := client(t)
			for seed := range uint64(25) {
				p := newParty()
				var replicas sync.WaitGroup
				for n := range uint64(4) {
					s := openStore(t, Params{Client: connect()})
					s.now = func() time.Time { return epoch } // because a merge also drops what is old
					replicas.Go(func() { p.settleAll(t, s, rand.New(rand.NewPCG(seed, n))) })
				}
				replicas.Wait()
				p.wantOneLead(t, openStore(t, Params{Client: connect()}), seed)
			}
		})
	}
}

// contactEvents returns all the events about the contact.
func contactEvents() []contactEvent {
	const phone, twin, user = "5511912345678", "551112345678", "BR.1"
	list := []contactEvent{
		{followup.Identity{Phone: phone, UserID: user}, "both", false},
		{followup.Identity{UserID: "BR.2", OldUserID: user, OldPhone: twin}, "changed", false},
	}
	for n := range 3 {
		list = append(list,
			contactEvent{followup.Identity{Phone: phone}, fmt.Sprint("phone", n), false},
			contactEvent{followup.Identity{UserID: user}, fmt.Sprint("user", n), false},
			contactEvent{followup.Identity{Phone: twin}, fmt.Sprint("about-phone", n), true},
			contactEvent{followup.Identity{UserID: user}, fmt.Sprint("about-user", n), true},
			contactEvent{followup.Identity{UserID: "BR.2"}, fmt.Sprint("about-new", n), true},
		)
	}
	return list
}

// settleAll settles all events in an order drawn from r, as a process that takes in webhooks does.
// Between finding the lead of a mention and settling the mention, it does the next event.
func (p party) settleAll(t *testing.T, s *Store, r *rand.Rand) {
	list := contactEvents()
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	var held []func() error
	for _, n := range append(list, contactEvent{}) {
		waiting := held
		held = nil
		if n.id != "" {
			settle, err := p.findLead(s, n)
			for errors.Is(err, followup.ErrConflict) { // other replicas merge the same leads
				settle, err = p.findLead(s, n)
			}
			switch {
			case err != nil:
				t.Errorf("%s: got %v, want its lead", n.id, err)
			case n.mentions:
				held = append(held, settle)
			default:
				waiting = append([]func() error{settle}, waiting...)
			}
		}
		for _, settle := range waiting {
			if err := settle(); err != nil {
				t.Errorf("settle: got %v, want none", err)
			}
		}
	}
}

// findLead finds the lead of an event, and returns a function that settles the event. That function
// looks again as often as the lead has moved meanwhile.
func (p party) findLead(s *Store, n contactEvent) (func() error, error) {
	ctx := context.Background()
	lead, err := s.Resolve(ctx, p.tenant, n.who, !n.mentions, epoch)
	nobody := errors.Is(err, followup.ErrNotFound)
	if nobody {
		lead = followup.ContactLead(p.tenant, n.who)
	} else if err != nil {
		return nil, err
	}
	return func() error {
		_, err := s.Settle(ctx, followup.Settlement{
			Tenant: p.tenant, Lead: lead, Account: nobody, Now: epoch, Real: epoch,
			Items: []followup.Item{{
				DedupID: n.id, Channel: p.channel, Assistant: p.assistant, At: epoch,
				Relay: &followup.RelayEvent{Channel: p.channel, Field: "messages", Value: fmt.Appendf(nil, `{"text":%q}`, n.id)},
			}},
		})
		for errors.Is(err, followup.ErrLeadMoved) || errors.Is(err, followup.ErrConflict) {
			var again func() error
			if again, err = p.findLead(s, n); err == nil {
				return again()
			}
		}
		return err
	}, nil
}

// wantOneLead fails the test unless the tenant has one lead and each event is delivered to it once.
func (p party) wantOneLead(t *testing.T, s *Store, seed uint64) {
	t.Helper()
	list, n, err := s.Leads(t.Context(), p.tenant, followup.LeadFilter{Limit: 5})
	if err != nil || n != 1 {
		t.Fatalf("seed %d: leads: got %v, %v, want one", seed, list, err)
	}
	var told, want []string
	for _, d := range deliverAll(t, s) {
		if d.Tenant != p.tenant {
			continue
		}
		if d.Lead != list[0].ID {
			t.Errorf("seed %d: lead of %s: got %s, want %s", seed, textsIn(d), d.Lead, list[0].ID)
		}
		told = append(told, strings.Fields(textsIn(d))...)
	}
	for _, n := range contactEvents() {
		want = append(want, n.id)
	}
	slices.Sort(told)
	slices.Sort(want)
	if !slices.Equal(told, want) {
		t.Errorf("seed %d: delivered: got %q, want each of %q once", seed, told, want)
	}
	checkBacklog(t, s)
	checkStepIndex(t, s)
}
