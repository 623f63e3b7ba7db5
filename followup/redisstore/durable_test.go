package redisstore

import (
	"context"
	"errors"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
	"wagate/providers"
)

var oneReplica = Durability{Level: LevelReplicas, Replicas: 1}

// TestI1ReplicasKeepThePromise takes the replica away and brings it back.
func TestI1ReplicasKeepThePromise(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t, redistest.TCP())
	replica := redistest.Start(t, redistest.TCP(), redistest.ReplicaOf(master))
	s := openStore(t, Params{Client: master.Client(), Durability: oneReplica, WaitTimeout: 2 * time.Second})
	p := newParty()
	settled(t, p, s)
	if got := replica.Client().Exists(t.Context(), s.tag(p.lead).lead(p.lead)).Val(); got != 1 {
		t.Error("settled, but not at the replica")
	}

	replica.Freeze()
	s.waitTimeout = 50 * time.Millisecond
	item := followup.Settlement{
		Tenant: p.tenant, Lead: p.lead, Now: epoch, Real: epoch,
		Items: []followup.Item{{DedupID: "again", Channel: p.channel, Assistant: p.assistant, At: epoch}},
	}
	if _, err := s.Settle(t.Context(), item); !errors.Is(err, followup.ErrNotDurable) {
		t.Fatalf("without the replica: got %v, want ErrNotDurable", err)
	}
	// The repetition writes nothing, and must not take that for being durable.
	if _, err := s.Settle(t.Context(), item); !errors.Is(err, followup.ErrNotDurable) {
		t.Fatalf("again without the replica: got %v, want ErrNotDurable", err)
	}
	// What is said of a template is acknowledged, too.
	said := []followup.TemplateSaid{{Change: providers.TemplateChange{Name: "t"}, At: epoch}}
	if err := s.NoteTemplates(t.Context(), "a", said, epoch); !errors.Is(err, followup.ErrNotDurable) {
		t.Errorf("note of a template without the replica: got %v, want ErrNotDurable", err)
	}
	replica.Thaw()
	s.waitTimeout = 2 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		got, err := s.Settle(ctx, item)
		if err == nil {
			if got.Fresh[0] {
				t.Error("the repetition took effect again")
			}
			return
		}
		if ctx.Err() != nil || !errors.Is(err, followup.ErrNotDurable) {
			t.Fatalf("with the replica again: %v", err)
		}
	}
}

func TestDurableSurvivesAnEmptyScriptCache(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t, redistest.TCP())
	redistest.Start(t, redistest.TCP(), redistest.ReplicaOf(master))
	s := openStore(t, Params{Client: master.Client(), Durability: oneReplica, WaitTimeout: 2 * time.Second})
	for range 2 {
		flush(t, s.db)
		settled(t, newParty(), s)
	}
}

// settled settles until the replica has joined.
func settled(t *testing.T, p party, s *Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		err := p.say(ctx, s, "x", epoch)
		if err == nil {
			return
		}
		if ctx.Err() != nil || !errors.Is(err, followup.ErrNotDurable) {
			t.Fatalf("Settle: %v", err)
		}
	}
}
