package redisstore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

// backlog bounds what waits for an assistant, in queues and in dead letters. Each partition counts
// its own events and grants an equal share of the bound without asking anybody. A settlement that
// finds the share used up goes by the sum of all partitions.
type backlog struct {
	bound int           // 0: no bound
	age   time.Duration // how old a sum may be before it is read anew

	mu    sync.Mutex
	known map[string]tally // by deadField
}

// tally is what waits for one assistant of a tenant, and when that was read.
type tally struct {
	waiting int64 // all of it, dead letters included
	dead    int64 // the part in dead letters
	at      time.Time
}

// tallyAge is how old a sum may be. Callers who are refused ask often, and each reading goes to
// every partition.
const tallyAge = time.Second

// limits returns, per assistant, how many events may wait in the lead's partition, and how many
// events of this lead may wait for one assistant. Without a bound most is nil.
func (s *Store) limits(items []followup.Item) (most map[followup.AssistantID]int64, deep int) {
	if s.backlog.bound == 0 {
		return nil, 0
	}
	most = map[followup.AssistantID]int64{}
	for _, it := range items {
		most[it.Assistant] = max(1, int64(s.backlog.bound/s.partitions))
	}
	return most, followup.LeadBacklog(s.backlog.bound)
}

// raise returns how many events may wait in a partition that already has the given number waiting
// and has used up its share, or ErrBacklog if the whole bound is used up. A waiting of -1 says that
// the events are all of one lead, and dead is then how many of them lie in dead letters.
func (s *Store) raise(
	ctx context.Context, t followup.TenantID, a followup.AssistantID, waiting, dead int64,
) (int64, error) {
	if waiting < 0 {
		return 0, backlogError(a, "of one lead", dead)
	}
	all, err := s.tally(ctx, t, a)
	if err != nil {
		return 0, fmt.Errorf("read backlog: %w", err)
	}
	room := int64(s.backlog.bound) - all.waiting
	if room <= 0 {
		return 0, backlogError(a, "of all leads", all.dead)
	}
	return waiting + room, nil
}

// backlogError returns the error that names the assistant for whom too much waits and, if dead
// letters are part of it, how to make room.
func backlogError(a followup.AssistantID, of string, dead int64) error {
	if dead <= 0 {
		return fmt.Errorf("assistant %s, events %s: %w", a, of, followup.ErrBacklog)
	}
	return fmt.Errorf("assistant %s, events %s: %w, %d of them in dead letters, until these are replayed or dropped"+
		" (wagate dead replay, wagate dead drop)", a, of, followup.ErrBacklog, dead)
}

// tally returns how many events wait for the tenant's assistant in all partitions: a sum that is at
// most age old, plus what this process has settled since.
func (s *Store) tally(ctx context.Context, tenant followup.TenantID, a followup.AssistantID) (tally, error) {
	now, dead := s.now(), deadField(tenant, a)
	if t, fresh := s.backlog.lookup(dead, now); fresh {
		return t, nil
	}
	counts := make([]*redis.SliceCmd, s.partitions)
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i := range counts {
			counts[i] = p.HMGet(ctx, tagOf(i).relayBacklog(), string(a), dead)
		}
	}); err != nil {
		return tally{}, err
	}
	t := tally{at: now}
	for _, c := range counts {
		r := reply(c.Val()) // a missing field means that nothing waits
		t.waiting += r.int(0) + r.int(1)
		t.dead += r.int(1)
	}
	s.backlog.mu.Lock()
	defer s.backlog.mu.Unlock()
	if s.backlog.known == nil {
		s.backlog.known = map[string]tally{}
	}
	s.backlog.known[dead] = t
	return t, nil
}

// lookup returns the last sum, and whether it is fresh. Of the callers who find it stale, the first
// one counts anew, while the others go by the old sum for a little longer.
func (b *backlog) lookup(of string, now time.Time) (tally, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, ok := b.known[of]
	if !ok || now.Sub(t.at) >= b.age {
		if ok {
			b.known[of] = tally{waiting: t.waiting, dead: t.dead, at: now}
		}
		return t, false
	}
	return t, true
}

// took adds one event, settled beyond a partition's share, to the sum that is known.
func (b *backlog) took(of string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t, ok := b.known[of]; ok {
		t.waiting++
		b.known[of] = t
	}
}
