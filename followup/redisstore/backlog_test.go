package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// failer is what checkBacklog and checkStepIndex need of a *testing.T or a *rapid.T.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// checkBacklog fails the test unless what the scripts have counted agrees with the queues and the
// dead letters themselves.
func checkBacklog(t failer, s *Store) {
	t.Helper()
	ctx := context.Background()
	var mu sync.Mutex
	wrong := map[string]int64{} // by partition and field: the count minus what there is
	if err := s.eachNode(ctx, func(ctx context.Context, node *redis.Client) error {
		queues, err := node.Keys(ctx, "{p*}:q:*").Result()
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, key := range queues {
			parts := strings.Split(key, ":") // {p}:q:lead:assistant
			n, err := node.LLen(ctx, key).Result()
			if err != nil {
				return err
			}
			wrong[parts[0]+":"+parts[3]] -= n
		}
		return nil
	}); err != nil {
		t.Fatalf("count queues: %v", err)
	}
	for i := range s.partitions {
		if err := s.addBacklog(ctx, tagOf(i), wrong); err != nil {
			t.Fatalf("count partition %d: %v", i, err)
		}
	}
	for of, n := range wrong {
		if n != 0 {
			t.Errorf("count of waiting events, partition and field %s: off by %+d, want it exact", of, n)
		}
	}
}

// addBacklog adds to wrong what the partition has counted, and subtracts what lies in its dead
// letters.
func (s *Store) addBacklog(ctx context.Context, p tag, wrong map[string]int64) error {
	pipe := s.db.Pipeline()
	waiting, noted := pipe.HGetAll(ctx, p.relayBacklog()), pipe.HGetAll(ctx, p.deadCounted())
	members, letters := pipe.ZRange(ctx, p.dead(), 0, -1), pipe.HGetAll(ctx, p.deadLetters())
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	dead := map[string]bool{}
	for _, m := range members.Val() {
		dead[m] = true
		webhookID, lead, _ := strings.Cut(m, "|")
		d, err := parseLetter(letters.Val()[webhookID])
		if err != nil {
			return fmt.Errorf("letter %s: %w", m, err)
		}
		field := deadField(d.Tenant, d.Assistant)
		wrong[string(p)+field] -= int64(d.Count)
		wrong[string(p)+"l:"+field+"|"+lead] -= int64(d.Count)
	}
	for _, counts := range []map[string]string{waiting.Val(), noted.Val()} {
		for field, text := range counts {
			if dead[field] {
				continue // what one letter counts
			}
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n <= 0 {
				return fmt.Errorf("count of %s: %q, %w", field, text, err)
			}
			wrong[string(p)+field] += n
		}
	}
	return nil
}

// fill settles messages of the lead until one is refused, and returns how many were accepted.
func (p party) fill(t *testing.T, s *Store) int {
	t.Helper()
	for n := range 1000 {
		err := p.say(t.Context(), s, "filling", epoch)
		if errors.Is(err, followup.ErrBacklog) {
			return n
		}
		if err != nil {
			t.Fatalf("Settle: %v", err)
		}
	}
	t.Fatal("got 1000 messages settled, want one refused")
	return 0
}

// inPartition returns the party with another lead, whose partition satisfies fit.
func (p party) inPartition(s *Store, fit func(partition int) bool) party {
	for p.lead = followup.NewLeadID(); !fit(s.partition(p.lead)); p.lead = followup.NewLeadID() {
	}
	return p
}

// drain delivers everything that waits.
func drain(t *testing.T, s *Store) {
	t.Helper()
	for {
		all := claimAll(t, s, epoch.Add(time.Hour))
		if len(all) == 0 {
			return
		}
		for _, d := range all {
			delivered(t, s, d)
		}
	}
}

// TestBacklogOfOnePartition checks that one partition may use up the whole bound, and that the
// others keep their shares.
func TestBacklogOfOnePartition(t *testing.T) {
	t.Parallel()
	const bound = 8 * testPartitions
	server := redistest.Start(t)
	s := openStore(t, Params{Client: server.Client(), MaxBacklog: bound})
	now := epoch
	s.now = func() time.Time { return now }
	p := newParty()
	home := s.partition(p.lead)
	if got := p.fill(t, s); got != bound {
		t.Errorf("one lead: got %d messages accepted, want the whole bound, %d", got, bound)
	}
	if got := p.inPartition(s, func(n int) bool { return n == home }).fill(t, s); got != 0 {
		t.Errorf("another lead in the same partition: got %d messages accepted, want none", got)
	}
	away := p.inPartition(s, func(n int) bool { return n != home })
	if got := away.fill(t, s); got != 8 {
		t.Errorf("a lead in another partition: got %d messages accepted, want its partition's share, 8", got)
	}
	replica := openStore(t, Params{Client: server.Client(), MaxBacklog: bound})
	if got := away.fill(t, replica); got != 0 {
		t.Errorf("at another replica: got %d messages accepted, want none", got)
	}
	checkBacklog(t, s)

	drain(t, s)
	for range 7 {
		away.mustSay(t, s, "within the share again", epoch)
	}
	now = now.Add(tallyAge)
	if got := away.fill(t, s); got != bound-7 {
		t.Errorf("once all was delivered: got %d messages accepted, want the rest of the bound, %d", got, bound-7)
	}
	checkBacklog(t, s)
}

// sumCounter is a client hook that counts how often a partition is asked what waits in it.
type sumCounter struct{ n atomic.Int64 }

func (q *sumCounter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (q *sumCounter) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (q *sumCounter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, c := range cmds {
			if c.Name() == "hmget" && strings.HasSuffix(fmt.Sprint(c.Args()[1]), ":rb") {
				q.n.Add(1)
			}
		}
		return next(ctx, cmds)
	}
}

// TestBacklogIsSummedOnceASecond checks that calls that are refused do not ask every partition each
// time, and that calls that find room in their own partition ask no other.
func TestBacklogIsSummedOnceASecond(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	asked := &sumCounter{}
	client.AddHook(asked)
	s := openStore(t, Params{Client: client, MaxBacklog: 5 * testPartitions})
	now := epoch
	s.now = func() time.Time { return now }
	p := newParty()
	for range 5 {
		p.mustSay(t, s, "within the share", epoch)
	}
	if got := asked.n.Load(); got != 0 {
		t.Errorf("within the share: got %d reads of a partition, want none", got)
	}
	p.fill(t, s)
	home := s.partition(p.lead)
	p = p.inPartition(s, func(n int) bool { return n == home })
	for range 50 {
		if err := p.say(t.Context(), s, "x", epoch); !errors.Is(err, followup.ErrBacklog) {
			t.Fatalf("Settle: got %v, want ErrBacklog", err)
		}
	}
	if got := asked.n.Load(); got != testPartitions {
		t.Errorf("within a second: got %d reads of a partition, want one of each, %d", got, testPartitions)
	}
	now = now.Add(tallyAge)
	p.fill(t, s)
	p.fill(t, s)
	if got := asked.n.Load(); got != 2*testPartitions {
		t.Errorf("a second later: got %d reads of a partition, want %d", got, 2*testPartitions)
	}
}

// TestBacklogUnderConcurrency settles, delivers, buries and replays from many goroutines at once.
// The bound must hold and the counts must be right in the end.
func TestBacklogUnderConcurrency(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		const bound, workers = 10 * testPartitions, 8
		s.backlog.bound = bound
		p := newParty()
		var wg sync.WaitGroup
		for w := range workers {
			own := p
			own.lead = followup.NewLeadID()
			wg.Go(func() {
				for i := range 60 {
					if err := own.say(t.Context(), s, "x", epoch); err != nil && !errors.Is(err, followup.ErrBacklog) {
						t.Errorf("Settle: %v", err)
					}
					if i%20 != w {
						continue
					}
					ds, _, err := s.ClaimDeliveries(t.Context(), followup.ClaimDeliveries{Real: epoch, Limit: 2, MaxEvents: 3, Lease: time.Hour})
					if err != nil {
						t.Errorf("ClaimDeliveries: %v", err)
					}
					for _, d := range ds {
						f := followup.FinishDelivery{Delivery: d, Delivered: i%40 != w, Real: epoch}
						if !f.Delivered {
							f.Dead = "rejected"
						}
						if err := s.FinishDelivery(t.Context(), f); err != nil {
							t.Errorf("FinishDelivery: %v", err)
						}
					}
				}
			})
		}
		wg.Wait()
		// Each partition may add its share, and each worker one more. Replayed events are never refused.
		if st, err := s.Stats(t.Context(), epoch, epoch); err != nil || st.RelayBacklog > 2*bound+workers {
			t.Errorf("Stats: got %d events waiting, %v, want at most %d", st.RelayBacklog, err, 2*bound+workers)
		}
		letters, _, err := s.DeadLetters(t.Context(), p.tenant, 100, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range letters {
			if err := s.ReplayDead(t.Context(), l.ID, epoch); err != nil {
				t.Errorf("ReplayDead: %v", err)
			}
		}
		checkBacklog(t, s)
		drain(t, s)
		checkBacklog(t, s)
	})
}

// TestBacklogMiscountEndsWithTheBacklog checks that a wrong count, whatever made it wrong, is right
// again once nothing waits.
func TestBacklogMiscountEndsWithTheBacklog(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		for _, wrong := range []int{-1, 1, 1_000_000} {
			p := newParty()
			p.mustSay(t, s, "a", epoch)
			p.mustSay(t, s, "b", epoch)
			key := s.tag(p.lead).relayBacklog()
			if err := s.db.HIncrBy(t.Context(), key, string(p.assistant), int64(wrong)).Err(); err != nil {
				t.Fatal(err)
			}
			drain(t, s)
			checkBacklog(t, s)
		}
	})
}

// TestBacklogIsSummedByOneCaller checks that while one caller asks every partition, the others use
// the last answer.
func TestBacklogIsSummedByOneCaller(t *testing.T) {
	t.Parallel()
	b := backlog{age: tallyAge, known: map[string]tally{"a": {waiting: 7, at: epoch}}}
	at := epoch.Add(tallyAge)
	if _, fresh := b.lookup("a", at.Add(-time.Millisecond)); !fresh {
		t.Error("a millisecond before a second has passed: got stale, want fresh")
	}
	if _, fresh := b.lookup("a", at); fresh {
		t.Error("first caller after a second: got fresh, want stale")
	}
	if got, fresh := b.lookup("a", at); !fresh || got.waiting != 7 {
		t.Errorf("second caller after a second: got %d, fresh %t, want the last answer, 7", got.waiting, fresh)
	}
}

// TestBacklogOfLeadErasedWhileSending erases a lead with a step in sending. The happenings that the
// erasure itself queues are erased with the queue, and must not be subtracted from what waits for
// other leads.
func TestBacklogOfLeadErasedWhileSending(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *Store) {
		p := newParty()
		lead := mustResolve(t, s, p, followup.Identity{Phone: "1"}, epoch)
		neighbour := p.inPartition(s, func(n int) bool { return n == s.partition(lead) })
		neighbour.mustSay(t, s, "waits", epoch)
		p.sending(t, s, lead)
		if err := s.EraseLead(t.Context(), p.tenant, lead, epoch); err != nil {
			t.Fatal(err)
		}
		checkBacklog(t, s)
	})
}
