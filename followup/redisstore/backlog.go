package redisstore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

// backlog bounds what waits for an assistant. Each partition counts its own and
// grants an equal share of the bound without a question; a settlement that finds
// the share used up goes by the whole, which is the sum of all partitions.
type backlog struct {
	bound int           // 0: none
	age   time.Duration // how old a sum may be

	mu    sync.Mutex
	known map[followup.AssistantID]tally
}

// tally is what waits for one assistant, and since when that is known.
type tally struct {
	waiting int64
	at      time.Time
}

// tallyAge is how old a sum may be: those who are refused ask often, and each
// question goes to every partition.
const tallyAge = time.Second

// limits tells a settlement how many events may wait in the lead's partition for
// each of the assistants, and how many of the lead's own.
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

// raise returns how many events may wait in a partition that has waiting of them
// already and has used up its share, or ErrBacklog. Waiting -1 says that they are
// all of one lead.
func (s *Store) raise(ctx context.Context, a followup.AssistantID, waiting int64) (int64, error) {
	full := fmt.Errorf("assistant %s: %w", a, followup.ErrBacklog)
	if waiting < 0 {
		return 0, full
	}
	all, err := s.tally(ctx, a)
	if err != nil {
		return 0, fmt.Errorf("read backlog: %w", err)
	}
	room := int64(s.backlog.bound) - all
	if room <= 0 {
		return 0, full
	}
	return waiting + room, nil
}

// tally returns how many events wait for the assistant in all partitions, as it
// was not long ago, and what this process has added since.
func (s *Store) tally(ctx context.Context, a followup.AssistantID) (int64, error) {
	now := s.now()
	if t, fresh := s.backlog.lookup(a, now); fresh {
		return t.waiting, nil
	}
	counts := make([]*redis.StringCmd, s.partitions)
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i := range counts {
			counts[i] = p.HGet(ctx, tagOf(i).relayBacklog(), string(a))
		}
	}); err != nil {
		return 0, err
	}
	t := tally{at: now}
	for _, c := range counts {
		n, _ := c.Int64() // none: none waits
		t.waiting += n
	}
	s.backlog.mu.Lock()
	defer s.backlog.mu.Unlock()
	if s.backlog.known == nil {
		s.backlog.known = map[followup.AssistantID]tally{}
	}
	s.backlog.known[a] = t
	return t.waiting, nil
}

// lookup returns the last sum, if it is fresh. Of those who find it old one counts
// anew, while the others go by it a little longer.
func (b *backlog) lookup(a followup.AssistantID, now time.Time) (tally, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, ok := b.known[a]
	if !ok || now.Sub(t.at) >= b.age {
		if ok {
			b.known[a] = tally{waiting: t.waiting, at: now}
		}
		return t, false
	}
	return t, true
}

// took adds what was settled beyond a share to the sum known of it.
func (b *backlog) took(a followup.AssistantID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t, ok := b.known[a]; ok {
		t.waiting++
		b.known[a] = t
	}
}
