package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
	"wagate/providers"
)

var epoch = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// testPartitions is small, so that leads share partitions.
const testPartitions = 8

// maxWait bounds every wait for something that must happen. It is long, because a busy machine may
// be slow.
const maxWait = 3 * time.Minute

// timedOut reports whether a call failed only because nobody answered in time, as happens on a busy
// machine. The caller may ask again as long as ctx lasts.
func timedOut(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() == nil && (broken(err) || errors.Is(err, context.DeadlineExceeded))
}

// openStore opens a store that is patient with a Redis that a busy machine slows down.
func openStore(t *testing.T, p Params) *Store {
	t.Helper()
	if p.Partitions == 0 {
		p.Partitions = testPartitions
	}
	s, err := Open(t.Context(), p)
	if err != nil {
		t.Fatalf("Open: got %v, want no error", err)
	}
	s.patience = patience{peek: time.Minute, claim: time.Minute, take: time.Minute, up: time.Minute}
	return s
}

// onEach runs a test on the embedded Redis and on a real one.
func onEach(t *testing.T, f func(t *testing.T, s *Store)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		c, stop, err := Embedded()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		f(t, openStore(t, Params{Client: c, Embedded: true}))
	})
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		f(t, openStore(t, Params{Client: redistest.Start(t).Client()}))
	})
}

// party is a tenant with an assistant, a channel and a lead.
type party struct {
	tenant    followup.TenantID
	assistant followup.AssistantID
	channel   followup.ChannelID
	lead      followup.LeadID
}

func newParty() party {
	return party{
		followup.TenantID(uuid.NewString()), followup.AssistantID(uuid.NewString()),
		followup.ChannelID(uuid.NewString()), followup.NewLeadID(),
	}
}

// message returns a settlement of one message of the party's lead, to be relayed as {"text": text}.
func (p party) message(text string, at time.Time) followup.Settlement {
	value, _ := json.Marshal(map[string]string{"text": text})
	return followup.Settlement{
		Tenant: p.tenant, Lead: p.lead, Now: at, Real: at,
		Items: []followup.Item{{
			DedupID: uuid.NewString(), Channel: p.channel, Assistant: p.assistant, At: at,
			Relay: &followup.RelayEvent{Channel: p.channel, Field: "messages", Value: value},
		}},
	}
}

// delivered returns a settlement with the lead of a receipt that says that the attempt's message was
// delivered.
func (p party) delivered(lead followup.LeadID, a followup.AttemptID) followup.Settlement {
	return followup.Settlement{
		Tenant: p.tenant, Lead: lead, Now: epoch, Real: epoch,
		Items: []followup.Item{{
			DedupID: "status", Channel: p.channel, Assistant: p.assistant, At: epoch,
			Receipt: &followup.Receipt{Attempt: a, State: providers.StatusDelivered, MessageID: "m1"},
		}},
	}
}

// say settles one message of the party's lead, to be relayed.
func (p party) say(ctx context.Context, s *Store, text string, at time.Time) error {
	return errOf(s.Settle(ctx, p.message(text, at)))
}

// mustSay is say, and ends the test if that fails.
func (p party) mustSay(t *testing.T, s *Store, text string, at time.Time) {
	t.Helper()
	if err := p.say(t.Context(), s, text, at); err != nil {
		t.Fatalf("Settle: %v", err)
	}
}

// claimAll claims all deliveries that may be tried at that instant.
func claimAll(t *testing.T, s *Store, at time.Time) []followup.Delivery {
	t.Helper()
	out, _, err := s.ClaimDeliveries(t.Context(),
		followup.ClaimDeliveries{Real: at, Limit: 100, MaxEvents: 10, Lease: time.Minute})
	if err != nil {
		t.Fatalf("ClaimDeliveries: %v", err)
	}
	return out
}

// claimOne is claimAll, and ends the test unless there is exactly one delivery.
func claimOne(t *testing.T, s *Store, at time.Time) followup.Delivery {
	t.Helper()
	out := claimAll(t, s, at)
	if len(out) != 1 {
		t.Fatalf("ClaimDeliveries: got %d deliveries, want 1", len(out))
	}
	return out[0]
}

// textsIn returns the texts of the events of a delivery, each followed by a space.
func textsIn(d followup.Delivery) string {
	out := ""
	for _, e := range d.Events {
		var v struct{ Text string }
		_ = json.Unmarshal(e.Value, &v)
		out += v.Text + " "
	}
	return out
}

// flush makes Redis forget all scripts.
func flush(t *testing.T, db redis.UniversalClient) {
	t.Helper()
	if err := db.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatalf("SCRIPT FLUSH: %v", err)
	}
}

// mustResolve returns the lead with these identities. If there is none, it creates the lead at that
// instant.
func mustResolve(t *testing.T, s *Store, p party, who followup.Identity, at time.Time) followup.LeadID {
	t.Helper()
	l, err := s.Resolve(t.Context(), p.tenant, who, true, at)
	if err != nil {
		t.Fatalf("Resolve: %v", err)
	}
	return l
}

// talking creates a lead for each identity, a second apart, and has each of them say something.
func (p party) talking(t *testing.T, s *Store, each ...followup.Identity) []followup.LeadID {
	t.Helper()
	leads := make([]followup.LeadID, len(each))
	for i, who := range each {
		leads[i] = mustResolve(t, s, p, who, epoch.Add(time.Duration(i)*time.Second))
		settleText(t, s, p, leads[i], "m-"+string(leads[i]))
	}
	return leads
}

// delivered tells the store that the assistant took the delivery.
func delivered(t *testing.T, s *Store, d followup.Delivery) {
	t.Helper()
	if err := s.FinishDelivery(t.Context(), followup.FinishDelivery{Delivery: d, Delivered: true, Real: epoch}); err != nil {
		t.Fatalf("FinishDelivery: %v", err)
	}
}

// deliverAll delivers everything that waits, and returns the deliveries. It looks several times, at
// later and later instants, because a merge queues by the store's own clock.
func deliverAll(t *testing.T, s *Store) []followup.Delivery {
	t.Helper()
	var all []followup.Delivery
	for i := range 6 {
		for _, d := range claimAll(t, s, time.Now().Add(time.Duration(i+1)*time.Hour)) {
			delivered(t, s, d)
			all = append(all, d)
		}
	}
	return all
}

// bury makes the delivery a dead letter and returns the letter's id.
func bury(t *testing.T, s *Store, d followup.Delivery, at time.Time) string {
	t.Helper()
	if err := s.FinishDelivery(t.Context(), followup.FinishDelivery{Delivery: d, Dead: "410", Real: at}); err != nil {
		t.Fatalf("FinishDelivery: %v", err)
	}
	return fmt.Sprintf("%d-%s", s.partition(d.Lead), d.ID)
}
