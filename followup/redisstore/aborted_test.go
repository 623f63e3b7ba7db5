package redisstore

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
	"wagate/providers"
)

// TestI1AbortedSettleLosesNothing migrates the lead's slot while a settlement runs. The script
// empties a key and later comes back to it. By then the key has left this node, so Redis aborts the
// script half way. When the settlement is repeated, nothing of it may be lost.
func TestI1AbortedSettleLosesNothing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c, s, p := everyKey(t)
	tag := s.tag(p.lead)
	later := epoch.Add(10 * time.Minute)
	settle := func() (followup.Settled, error) {
		item := func(id string) followup.Item {
			return followup.Item{
				DedupID: id, Channel: p.channel, Assistant: p.assistant, At: later, Opens: true, Reply: true,
				Relay: &followup.RelayEvent{Channel: p.channel, Field: "messages", Value: []byte(`{"text":"` + id + `"}`)},
				Entry: &followup.Entry{From: followup.FromLead, Text: id, At: later},
			}
		}
		return s.Settle(ctx, followup.Settlement{
			Tenant: p.tenant, Lead: p.lead, Now: later, Real: later,
			Items: []followup.Item{item("one"), item("two")},
		})
	}
	slot := c.Slot(tag.lead(p.lead))
	m := c.Migrate(slot, c.Other(slot))
	_, _ = settle() // may fail; it is repeated below
	m.Finish()
	c.Settled()
	if _, err := settle(); err != nil {
		t.Fatal(err)
	}
	l, err := s.Lead(ctx, p.tenant, p.lead)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Windows[p.channel].LastInbound; !got.Equal(later) {
		t.Errorf("window: counts from %v, want %v", got, later)
	}
	if n := s.db.HGet(ctx, tag.lead(p.lead), "lv").Val(); n != "" {
		t.Errorf("live runs: got %q, want none", n)
	}
	texts := ""
	for _, e := range s.db.LRange(ctx, tag.queue(p.lead, p.assistant), 0, -1).Val() {
		texts += e
	}
	for _, text := range []string{`"one"`, `"two"`, `"replied"`} {
		if !strings.Contains(texts, text) {
			t.Errorf("queue: got %s, want %s in it", texts, text)
		}
	}
	h, _ := s.History(ctx, p.lead, p.channel, later)
	if len(h) != 3 {
		t.Errorf("history: got %v, want 3 entries", h)
	}
}

// everyKey returns a lead in a cluster's store that has every key that a script may declare. If a
// key were missing, a script would wait until the slot has moved.
func everyKey(t *testing.T) (*redistest.Cluster, *Store, party) {
	t.Helper()
	ctx := t.Context()
	c := redistest.StartCluster(t, 3, 0)
	s := openStore(t, Params{Client: c.Client(), Partitions: 16})
	s.fewInHash = false
	p := newParty()
	p.mustSay(t, s, "before", epoch)
	settleText(t, s, p, p.lead, "m")
	for range 2 { // the second start ends the first run, so there is a run with a timeline
		run, _, err := s.Start(ctx, p.tenant, p.lead, followup.Arm{
			Config: "c", Assistant: p.assistant, Channel: p.channel, Ladder: "l", Interval: 30 * time.Minute,
		}, false, epoch, epoch)
		if err != nil || run == "" {
			t.Fatalf("Start: got %q, %v, want a run", run, err)
		}
	}
	if _, err := s.GuardSend(ctx, followup.GuardSend{
		Tenant: p.tenant, Lead: p.lead, Channel: p.channel, Assistant: p.assistant, Now: epoch, Real: epoch,
	}); err != nil {
		t.Fatal(err)
	}
	beside := p.inPartition(s, func(n int) bool { return n == s.partition(p.lead) })
	beside.assistant = "beside with dead letters"
	beside.mustSay(t, s, "dead", epoch)
	for _, d := range claimAll(t, s, epoch) {
		if d.Lead == beside.lead {
			bury(t, s, d, epoch)
		} // the other delivery stays under its lease
	}
	tag := s.tag(p.lead)
	s.db.ZAdd(ctx, tag.stepsLeases(), redis.Z{Score: 1e15, Member: "another's"})
	s.db.HSet(ctx, tag.control(), "ch:another", "1:")
	keys := s.leadKeys(scope{
		lead: p.lead, tenant: p.tenant, assistants: []followup.AssistantID{p.assistant},
		channels: []followup.ChannelID{p.channel}, frozen: true,
	})
	for _, key := range keys {
		if s.db.Exists(ctx, key).Val() == 0 {
			t.Fatalf("key %s does not exist", key)
		}
	}
	return c, s, p
}

// TestI8RunReplacedWhileItsSlotMigrates replaces the only due step of a tenant by another one. The
// keys of both runs exist throughout, so the script must succeed at once although the slot
// migrates.
func TestI8RunReplacedWhileItsSlotMigrates(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c, s, p := everyKey(t)
	tag := s.tag(p.lead)
	arm := followup.Arm{
		Config: "c", Assistant: p.assistant, Channel: p.channel, Ladder: "l", Interval: 30 * time.Minute,
	}
	replaced := func(what string, start func() (followup.RunID, error), words ...string) {
		t.Helper()
		if n := s.db.ZCard(ctx, tag.stepsDue(p.tenant)).Val(); n != 1 {
			t.Fatalf("before %s: got %d steps due, want 1", what, n)
		}
		s.db.LTrim(ctx, tag.queue(p.lead, p.assistant), 0, 0)
		slot := c.Slot(tag.lead(p.lead))
		m := c.Migrate(slot, c.Other(slot))
		run, err := start()
		m.Finish()
		c.Settled()
		if err != nil || run == "" {
			t.Fatalf("%s: got %q, %v, want a run", what, run, err)
		}
		if got := s.db.ZRange(ctx, tag.stepsDue(p.tenant), 0, -1).Val(); len(got) != 1 || got[0] != string(run) {
			t.Errorf("after %s: got %v due, want %s", what, got, run)
		}
		told := strings.Join(s.db.LRange(ctx, tag.queue(p.lead, p.assistant), 1, -1).Val(), "")
		for _, word := range words {
			if strings.Count(told, word) != 1 {
				t.Errorf("%s: queued %s, want %s in it once", what, told, word)
			}
		}
	}
	replaced("Start", func() (followup.RunID, error) {
		run, _, err := s.Start(ctx, p.tenant, p.lead, arm, false, epoch, epoch)
		return run, err
	}, `"reason":"restarted"`, `"event":"scheduled"`)
	replaced("PutLead", func() (followup.RunID, error) {
		l, err := s.Lead(ctx, p.tenant, p.lead)
		if err != nil {
			return "", err
		}
		l.StatusID = "another"
		return s.PutLead(ctx, followup.PutLead{Lead: l, StatusChanged: true, Arm: &arm, Now: epoch, Real: epoch})
	}, `"reason":"restarted"`, `"event":"scheduled"`)

	// A reply ends the run that is due, while the business speaks on another channel, whose step is
	// claimed.
	beside := p
	beside.assistant, beside.channel = "beside", "beside"
	settleText(t, s, beside, p.lead, "beside")
	arm.Assistant, arm.Channel, arm.Interval = beside.assistant, beside.channel, time.Minute
	run, _, err := s.Start(ctx, p.tenant, p.lead, arm, false, epoch, epoch)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Claim(ctx, followup.ClaimParams{Now: epoch.Add(time.Minute), Real: epoch, Limit: 1, Lease: time.Minute})
	if err != nil || len(b.Steps) != 1 || b.Steps[0].Run.ID != run {
		t.Fatalf("Claim: got %v, %v, want %s", b.Steps, err, run)
	}
	replaced("Settle", func() (followup.RunID, error) {
		st := p.saying(epoch, "reply")
		st.Items = append(st.Items, followup.Item{
			DedupID: "echo", Channel: beside.channel, Assistant: beside.assistant, At: epoch, Outbound: true,
		})
		_, err := s.Settle(ctx, st)
		return run, err
	}, `"event":"replied"`)
}

// TestI5WindowRefusedAndReopenedWhileItsSlotMigrates has one settlement refuse the only window of
// the index and open it again. The settlement must take effect as a whole although the slot
// migrates, even if a repetition finds its items already seen.
func TestI5WindowRefusedAndReopenedWhileItsSlotMigrates(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c, s, p := everyKey(t)
	tag := s.tag(p.lead)
	later := epoch.Add(10 * time.Minute)
	failed := func(kind providers.ErrorKind) followup.Item {
		v, err := s.GuardSend(ctx, followup.GuardSend{
			Tenant: p.tenant, Lead: p.lead, Channel: p.channel, Assistant: p.assistant, Now: epoch, Real: epoch,
		})
		if err != nil {
			t.Fatal(err)
		}
		return followup.Item{
			DedupID: string(kind), Channel: p.channel, Assistant: p.assistant, At: later,
			Receipt: &followup.Receipt{Attempt: v.Attempt, State: providers.StatusFailed, Kind: kind},
		}
	}
	st := p.saying(later, "again")
	st.Items = append([]followup.Item{failed(providers.OptedOut), failed(providers.WindowClosed)}, st.Items...)
	if n := s.db.ZCard(ctx, tag.windows()).Val(); n != 1 {
		t.Fatalf("windows: got %d, want 1", n)
	}
	slot := c.Slot(tag.lead(p.lead))
	m := c.Migrate(slot, c.Other(slot))
	_, err := s.Settle(ctx, st)
	m.Finish()
	c.Settled()
	if err != nil {
		t.Errorf("Settle: got %v, want no error", err)
		if _, err := s.Settle(ctx, st); err != nil {
			t.Fatal(err)
		}
	}
	l, err := s.Lead(ctx, p.tenant, p.lead)
	if err != nil {
		t.Fatal(err)
	}
	if w := l.Windows[p.channel]; !l.OptedOut || w.Refused || !w.LastInbound.Equal(later) {
		t.Errorf("lead: got OptedOut %v, window %+v; want true, a window from %v", l.OptedOut, w, later)
	}
	want := float64(later.Add(24 * time.Hour).UnixMilli())
	if z := s.db.ZRangeWithScores(ctx, tag.windows(), 0, -1).Val(); len(z) != 1 || z[0].Score != want {
		t.Errorf("windows: got %v, want one that closes at %v", z, want)
	}
}

// TestI13KeysEmptiedWhileTheirSlotMigrates finishes a delivery and erases a lead while the slot
// migrates. Both must succeed at once, because neither script writes again to a key that it
// emptied.
func TestI13KeysEmptiedWhileTheirSlotMigrates(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c, s, p := everyKey(t)
	tag := s.tag(p.lead)
	slot := c.Slot(tag.lead(p.lead))
	other := p
	for { // a lead whose dead letter makes the keys of dead letters exist
		if other.lead = followup.NewLeadID(); s.tag(other.lead) == tag {
			break
		}
	}
	other.mustSay(t, s, "x", epoch)
	bury(t, s, claimOne(t, s, epoch), epoch)
	d := claimOne(t, s, epoch.Add(time.Hour))
	if n := s.db.LLen(ctx, tag.queue(p.lead, p.assistant)).Val(); d.Lead != p.lead || int(n) != len(d.Events) {
		t.Fatalf("delivery: got %+v while %d events are queued, want all of the lead's events", d, n)
	}
	m := c.Migrate(slot, c.Other(slot))
	if err := s.FinishDelivery(ctx, followup.FinishDelivery{Delivery: d, Delivered: true, Real: epoch}); err != nil {
		t.Errorf("FinishDelivery: got %v, want no error", err)
	}
	m.Finish()
	c.Settled()

	p.mustSay(t, s, "again", epoch)
	claimOne(t, s, epoch.Add(2*time.Hour))
	m = c.Migrate(slot, c.Other(slot))
	sc, _, err := s.fullScope(ctx, p.tenant, p.lead, epoch)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.erase(ctx, sc, eraseRequest{}); err != nil {
		t.Errorf("erase: got %v, want no error", err)
	}
	m.Finish()
	c.Settled()
	if got := s.db.HGetAll(ctx, tag.lead(p.lead)).Val(); got["mv"] != erased || len(got) != 3 {
		t.Errorf("lead: got %v, want a tombstone", got)
	}
	if n := s.db.Exists(ctx, tag.runs(p.lead), tag.attempts(p.lead), tag.dedup(p.lead), tag.queue(p.lead, p.assistant)).Val(); n != 0 {
		t.Errorf("keys left: got %d, want none", n)
	}
}
