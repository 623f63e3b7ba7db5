package redisstore

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

// TestI1RelaySurvivesScriptFlush empties the script cache before each call, so that pipelines meet
// NOSCRIPT. Everything must be delivered all the same.
func TestI1RelaySurvivesScriptFlush(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		const leads = 20
		for range leads {
			p := newParty()
			p.mustSay(t, s, "a", epoch)
			p.mustSay(t, s, "b", epoch.Add(time.Second))
		}
		flush(t, s.db)
		got := claimAll(t, s, epoch.Add(time.Minute))
		if len(got) != leads {
			t.Fatalf("deliveries: got %d, want %d", len(got), leads)
		}
		for _, d := range got {
			if textsIn(d) != "a b " {
				t.Errorf("events: got %q, want a b", textsIn(d))
			}
			flush(t, s.db)
			delivered(t, s, d)
		}
		if got := claimAll(t, s, epoch.Add(time.Hour)); len(got) != 0 {
			t.Errorf("after all were delivered: got %d deliveries, want 0", len(got))
		}
	})
}

// lostOnce is a client hook that loses the answer to the first pipeline of a script, like a
// connection that times out.
type lostOnce struct {
	script *script
	lost   atomic.Bool
}

func (*lostOnce) DialHook(next redis.DialHook) redis.DialHook { return next }

func (*lostOnce) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (l *lostOnce) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if cmds[0].Err() != nil || cmds[0].Args()[1] != l.script.Hash() || l.lost.Swap(true) {
			return err
		}
		for _, cmd := range cmds {
			cmd.SetErr(os.ErrDeadlineExceeded)
		}
		return os.ErrDeadlineExceeded
	}
}

// TestI9ClaimWhoseAnswerWasLost: when the answer to a claim was lost, its repetition must hand out
// what the claim took. Otherwise that would wait until the lease has run out.
func TestI9ClaimWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		p.mustSay(t, s, "a", epoch)
		delivered(t, s, claimOne(t, s, epoch)) // so that Redis has the script in its cache
		p.mustSay(t, s, "b", epoch)
		hook := &lostOnce{script: takeScript}
		s.db.AddHook(hook)
		d := claimOne(t, s, epoch)
		if !hook.lost.Load() || textsIn(d) != "b " || d.Attempts != 0 {
			t.Errorf("delivery: got %q after %d tries, answer lost: %v, want b after 0 tries, answer lost: true", textsIn(d), d.Attempts, hook.lost.Load())
		}
		delivered(t, s, d)
	})
}

// TestI9ClaimsAreDisjoint claims from several goroutines. Each queue must be claimed once.
func TestI9ClaimsAreDisjoint(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		const leads = 40
		for range leads {
			newParty().mustSay(t, s, "a", epoch)
		}
		var mu sync.Mutex
		seen := map[followup.LeadID]int{}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range leads {
					out, _, err := s.ClaimDeliveries(t.Context(), followup.ClaimDeliveries{Real: epoch, Limit: 3, MaxEvents: 1, Lease: time.Hour})
					if err != nil {
						t.Errorf("ClaimDeliveries: %v", err)
						return
					}
					mu.Lock()
					for _, d := range out {
						seen[d.Lead]++
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(seen) != leads {
			t.Errorf("leads claimed: got %d, want %d", len(seen), leads)
		}
		for lead, n := range seen {
			if n != 1 {
				t.Errorf("lead %s: got claimed %d times under one lease, want 1", lead, n)
			}
		}
	})
}

// TestI9BacklogOfOneAssistantDelaysNoOther: one assistant has more queues waiting than several
// claims take. The other assistants must be served all the same.
func TestI9BacklogOfOneAssistantDelaysNoOther(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		noisy := newParty()
		for range 60 {
			noisy.lead = followup.NewLeadID()
			noisy.mustSay(t, s, "old", epoch)
		}
		quiet := map[followup.AssistantID]bool{}
		for range 3 {
			p := newParty()
			p.mustSay(t, s, "new", epoch.Add(time.Hour))
			quiet[p.assistant] = true
		}
		for range 4 {
			out, next, err := s.ClaimDeliveries(t.Context(), followup.ClaimDeliveries{
				Real: epoch.Add(2 * time.Hour), Limit: 1, MaxEvents: 1, Lease: time.Hour,
			})
			if err != nil || len(out) != 1 || next != 0 {
				t.Fatalf("got %d deliveries, next in %v, %v, want 1, 0, no error", len(out), next, err)
			}
			delete(quiet, out[0].Assistant)
		}
		if len(quiet) != 0 {
			t.Errorf("after 4 claims: got %d of 3 quiet assistants not served, want 0", len(quiet))
		}
	})
}

// TestI2RelayRepeatedRequest repeats a claim and a finish with the same request id, as a client
// does that lost the answer. Neither may take effect twice.
func TestI2RelayRepeatedRequest(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		p.mustSay(t, s, "a", epoch)
		s.newToken = func() string { return "claim" }
		first := claimOne(t, s, epoch)
		d, missed, err := s.take(t.Context(),
			followup.ClaimDeliveries{Real: epoch, MaxEvents: 5, Lease: time.Minute},
			[]waitingQueue{{t: s.tag(p.lead), lead: p.lead, assistant: p.assistant}})
		if err != nil || missed != 0 || len(d) != 1 || d[0].ID != first.ID || d[0].Attempts != 0 {
			t.Fatalf("claim repeated: got %+v, missed %d, %v, want the same delivery", d, missed, err)
		}
		p.mustSay(t, s, "b", epoch)
		s.newToken = func() string { return "finish" }
		for range 2 {
			if err := s.FinishDelivery(t.Context(), followup.FinishDelivery{Delivery: first, Delivered: true, Real: epoch}); err != nil {
				t.Fatalf("finish repeated: %v", err)
			}
		}
		if got := textsIn(claimOne(t, s, epoch)); got != "b " {
			t.Errorf("left in the queue: got %q, want b", got)
		}
	})
}

// TestRelayEventNestedTooDeep: events that are nested too deep for cjson must be delivered
// unchanged, whether in the form that we write or with their fields in another order.
func TestRelayEventNestedTooDeep(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		deep := strings.Repeat("[", 2000) + strings.Repeat("]", 2000)
		_, err := s.Settle(t.Context(), followup.Settlement{
			Tenant: p.tenant, Lead: p.lead, Now: epoch, Real: epoch,
			Items: []followup.Item{{
				DedupID: "d", Channel: p.channel, Assistant: p.assistant,
				Relay: &followup.RelayEvent{Channel: p.channel, Field: "messages", Value: []byte(deep)},
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		other := fmt.Sprintf(`{"t":%d,"e":{"v":%s,"f":"messages","c":"%s"}}`, ms(epoch), deep, p.channel)
		if err := s.db.RPush(t.Context(), s.tag(p.lead).queue(p.lead, p.assistant), other).Err(); err != nil {
			t.Fatal(err)
		}
		// One delivery or two: it depends on what the cjson of this Redis can read.
		for left := 2; left > 0; {
			d := claimOne(t, s, epoch)
			for _, e := range d.Events {
				if string(e.Value) != deep || e.Channel != p.channel {
					t.Error("got the event changed, want it as it was settled")
				}
				left--
			}
			delivered(t, s, d)
		}
	})
}

// lookups is a client hook that counts the reads of queues' due sets.
type lookups struct {
	n atomic.Int32
}

func (l *lookups) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (l *lookups) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (l *lookups) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			if strings.Contains(fmt.Sprint(cmd.Args()...), ":rg:") && strings.HasPrefix(cmd.Name(), "zrange") {
				l.n.Add(1)
			}
		}
		return next(ctx, cmds)
	}
}

// TestI9OldestQueuesOfAllPartitionsComeFirst: of an assistant's queues, the ones that have waited
// longest must be claimed, in whichever partitions they lie, and no more partitions may be read
// than queues are wanted.
func TestI9OldestQueuesOfAllPartitionsComeFirst(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		const each = 3
		look := &lookups{}
		s.db.AddHook(look)
		p := newParty()
		at := epoch
		var want []followup.LeadID
		for partition := range testPartitions {
			for range each {
				for p.lead = followup.NewLeadID(); s.partition(p.lead) != partition; {
					p.lead = followup.NewLeadID()
				}
				at = at.Add(time.Second)
				p.mustSay(t, s, "a", at)
				want = append(want, p.lead)
			}
		}
		for len(want) > 0 {
			look.n.Store(0)
			out, next, err := s.ClaimDeliveries(t.Context(), followup.ClaimDeliveries{Real: at, Limit: 2, MaxEvents: 1, Lease: time.Hour})
			if err != nil || len(out) != 2 {
				t.Fatalf("got %d deliveries, %v, want 2", len(out), err)
			}
			if out[0].Lead != want[0] || out[1].Lead != want[1] {
				t.Errorf("got %s and %s, want the oldest, %s and %s", out[0].Lead, out[1].Lead, want[0], want[1])
			}
			want = want[2:]
			if more := next == 0; more != (len(want) > 0) {
				t.Errorf("got next in %v with %d left, want 0 as long as some are left", next, len(want))
			}
			if n := look.n.Load(); n > 2 {
				t.Errorf("got %d partitions read for 2 queues, want at most 2", n)
			}
		}
	})
}

// TestNextSaysWhenToClaimAgain: a claim must say how long it is until there may be something to
// claim.
func TestNextSaysWhenToClaimAgain(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		next := func(at time.Time, skip ...followup.AssistantID) string {
			c := followup.ClaimDeliveries{Real: at, Limit: 5, MaxEvents: 5, Lease: time.Minute}
			for _, a := range skip {
				c.OfAssistant.Left = map[followup.AssistantID]int{a: 0}
			}
			out, next, err := s.ClaimDeliveries(t.Context(), c)
			return fmt.Sprint(len(out), next, err)
		}
		if got := next(epoch); got != "0 1h0m0s <nil>" {
			t.Errorf("empty: got %s, want nothing for an hour", got)
		}
		p.mustSay(t, s, "a", epoch)
		if got := next(epoch, p.assistant); got != "0 1h0m0s <nil>" {
			t.Errorf("skipped: got %s, want nothing for an hour", got)
		}
		if got := next(epoch); got != "1 1m0s <nil>" {
			t.Errorf("claimed: got %s, want the end of the lease", got)
		}
		if got := next(epoch.Add(20 * time.Second)); got != "0 40s <nil>" {
			t.Errorf("under lease: got %s, want the rest of the lease", got)
		}
	})
}

// TestI9NewerReplicasDeliveryIsLookedAtOncePerSecond: a delivery that only a newer replica can read
// is put off by a second, so that not every claim looks at it again.
func TestI9NewerReplicasDeliveryIsLookedAtOncePerSecond(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		p.mustSay(t, s, "a", epoch)
		s.db.HSet(t.Context(), s.tag(p.lead).lead(p.lead), "v", "2")
		if got := claimAll(t, s, epoch); len(got) != 0 {
			t.Errorf("claimed: got %d deliveries, want none", len(got))
		}
		at := s.db.ZScore(t.Context(), s.tag(p.lead).relayDue(p.assistant), string(p.lead)).Val()
		if got, want := fromMS(int64(at)), epoch.Add(time.Second); !got.Equal(want) {
			t.Errorf("due: got %v, want %v", got, want)
		}
	})
}

// TestDueOnlyForNewWork: Due must be true only if something can be delivered that was not due
// before. An event is not news if it waits behind one that is being delivered or is known to be
// due.
func TestDueOnlyForNewWork(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		say := func(id string, settle func(context.Context, followup.Settlement) (followup.Settled, error), want bool) {
			t.Helper()
			got, err := settle(t.Context(), p.saying(epoch, id))
			if err != nil || got.Due != want {
				t.Errorf("%s: got due %v, %v; want %v", id, got.Due, err, want)
			}
		}
		say("first", s.Settle, true)
		say("second", s.Settle, false)
		d := claimOne(t, s, epoch)
		say("during a delivery", s.Settle, false)
		say("during a delivery, by the whole script", s.settleWhole, false)
		delivered(t, s, d)
		for _, d := range claimAll(t, s, epoch) {
			delivered(t, s, d)
		}
		say("after all were delivered", s.Settle, true)
		deliverAll(t, s)
		say("after all were delivered, by the whole script", s.settleWhole, true)
	})
}
