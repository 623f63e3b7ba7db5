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

// inTheEnd bounds every wait for what must come; a busy machine may take long.
const inTheEnd = 3 * time.Minute

// late says that nobody answered in time, as may be where a machine lets processes wait:
// who asks again is answered, as long as ctx lasts.
func late(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() == nil && (broken(err) || errors.Is(err, context.DeadlineExceeded))
}

// openStore opens a store that waits for a Redis which a busy machine lets wait.
func openStore(t *testing.T, p Params) *Store {
	t.Helper()
	if p.Partitions == 0 {
		p.Partitions = testPartitions
	}
	s, err := Open(t.Context(), p)
	if err != nil {
		t.Fatalf("Open: got %v, want none", err)
	}
	s.patience = patience{peek: time.Minute, claim: time.Minute, take: time.Minute, up: time.Minute}
	return s
}

// onEach runs a test on the embedded and on a real Redis.
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

// message is one message for the relay.
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

// delivered is a receipt: the message of an attempt, settled with a lead, was delivered.
func (p party) delivered(lead followup.LeadID, a followup.AttemptID) followup.Settlement {
	return followup.Settlement{
		Tenant: p.tenant, Lead: lead, Now: epoch, Real: epoch,
		Items: []followup.Item{{
			DedupID: "status", Channel: p.channel, Assistant: p.assistant, At: epoch,
			Receipt: &followup.Receipt{Attempt: a, State: providers.StatusDelivered, MessageID: "m1"},
		}},
	}
}

// say settles one message for the relay.
func (p party) say(ctx context.Context, s *Store, text string, at time.Time) error {
	return second(s.Settle(ctx, p.message(text, at)))
}

func (p party) mustSay(t *testing.T, s *Store, text string, at time.Time) {
	t.Helper()
	if err := p.say(t.Context(), s, text, at); err != nil {
		t.Fatalf("Settle: %v", err)
	}
}

func claimAll(t *testing.T, s *Store, at time.Time) []followup.Delivery {
	t.Helper()
	out, _, err := s.ClaimDeliveries(t.Context(),
		followup.ClaimDeliveries{Real: at, Limit: 100, MaxEvents: 10, Lease: time.Minute})
	if err != nil {
		t.Fatalf("ClaimDeliveries: %v", err)
	}
	return out
}

func claimOne(t *testing.T, s *Store, at time.Time) followup.Delivery {
	t.Helper()
	out := claimAll(t, s, at)
	if len(out) != 1 {
		t.Fatalf("deliveries: got %d, want 1", len(out))
	}
	return out[0]
}

func said(d followup.Delivery) string {
	out := ""
	for _, e := range d.Events {
		var v struct{ Text string }
		_ = json.Unmarshal(e.Value, &v)
		out += v.Text + " "
	}
	return out
}

func flush(t *testing.T, db redis.UniversalClient) {
	t.Helper()
	if err := db.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatalf("SCRIPT FLUSH: %v", err)
	}
}

// mustResolve returns the lead with these identities, made at that instant if need be.
func mustResolve(t *testing.T, s *Store, p party, who followup.Identity, at time.Time) followup.LeadID {
	t.Helper()
	l, err := s.Resolve(t.Context(), p.tenant, who, true, at)
	if err != nil {
		t.Fatalf("Resolve: %v", err)
	}
	return l
}

// talking makes a lead of each identity, a second apart, who each say something.
func (p party) talking(t *testing.T, s *Store, each ...followup.Identity) []followup.LeadID {
	t.Helper()
	leads := make([]followup.LeadID, len(each))
	for i, who := range each {
		leads[i] = mustResolve(t, s, p, who, epoch.Add(time.Duration(i)*time.Second))
		settleText(t, s, p, leads[i], "m-"+string(leads[i]))
	}
	return leads
}

// delivered tells the store that a delivery has arrived.
func delivered(t *testing.T, s *Store, d followup.Delivery) {
	t.Helper()
	if err := s.FinishDelivery(t.Context(), followup.FinishDelivery{Delivery: d, Delivered: true, Real: epoch}); err != nil {
		t.Fatalf("FinishDelivery: %v", err)
	}
}

// deliverAll delivers all that there is, looking a few times: a merge queues by the
// store's own clock.
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

func bury(t *testing.T, s *Store, d followup.Delivery, at time.Time) string {
	t.Helper()
	if err := s.FinishDelivery(t.Context(), followup.FinishDelivery{Delivery: d, Dead: "410", Real: at}); err != nil {
		t.Fatalf("FinishDelivery: %v", err)
	}
	return fmt.Sprintf("%d-%s", s.partition(d.Lead), d.ID)
}
