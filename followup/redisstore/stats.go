package redisstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

// lagHeads is how many queues per assistant and partition Stats looks into, from either end of the
// due set, to find the oldest event: the queues that have waited longest for their turn are at the
// beginning, those that have failed longest at the end. If there are more than twice as many, Stats
// may miss the oldest event, by no more than the longest wait before a retry.
const lagHeads = 16

// partitionStats holds the answers of one partition.
type partitionStats struct {
	windows, gone *redis.IntCmd
	dead          *redis.IntCmd
	steps, relays *redis.ZSliceCmd
	backlog       *redis.MapStringStringCmd
	leases        *redis.StringSliceCmd
}

// Stats implements followup.ControlStore. It takes three round trips, however many leads there are,
// and one more if windows are to be removed from their index because they closed over an hour ago.
func (s *Store) Stats(ctx context.Context, now, real time.Time) (followup.Stats, error) {
	parts := make([]partitionStats, s.partitions)
	open := "(" + strconv.FormatInt(ms(now), 10)
	gone := strconv.FormatInt(ms(now.Add(-time.Hour)), 10)
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i := range parts {
			t := tagOf(i)
			parts[i] = partitionStats{
				windows: p.ZCount(ctx, t.windows(), open, "+inf"),
				gone:    p.ZCount(ctx, t.windows(), "-inf", gone),
				dead:    p.ZCard(ctx, t.dead()),
				steps:   p.ZRangeWithScores(ctx, t.stepsIndex(), 0, -1),
				relays:  p.ZRangeWithScores(ctx, t.relayIndex(), 0, -1),
				leases:  p.ZRange(ctx, t.stepsLeases(), 0, -1),
				backlog: p.HGetAll(ctx, t.relayBacklog()),
			}
		}
	}); err != nil {
		return followup.Stats{}, fmt.Errorf("read stats: %w", err)
	}
	s.forgetWindows(ctx, parts, gone)
	var st followup.Stats
	waiting, dead := map[string]int{}, map[string]int{}
	for _, p := range parts {
		st.WindowsOpen += int(p.windows.Val())
		st.RelayDead += int(p.dead.Val())
		if z := p.steps.Val(); len(z) > 0 {
			st.StepsOverdue = max(st.StepsOverdue, age(z[0].Score, now))
		}
		for field, n := range p.backlog.Val() {
			events, _ := strconv.Atoi(n)
			if strings.HasPrefix(field, "d:") {
				dead[field] += events
			} else {
				waiting[field] += events
			}
		}
	}
	for _, n := range waiting {
		st.RelayBacklog = max(st.RelayBacklog, n)
	}
	for field, n := range dead {
		assistant, _, _ := strings.Cut(strings.TrimPrefix(field, "d:"), ":")
		if all := waiting[assistant] + n; all > st.RelayBacklog || all == st.RelayBacklog && n > st.RelayBacklogDead {
			st.RelayBacklog, st.RelayBacklogDead = all, n
		}
	}
	if err := s.statsOfGroups(ctx, parts, real, &st); err != nil {
		return followup.Stats{}, fmt.Errorf("read stats: %w", err)
	}
	return st, nil
}

// forgetWindows removes the windows from the index that closed at or before closed, in milliseconds.
// It ignores errors: a Redis that refuses writes can still be read, and a later call removes what
// is left.
func (s *Store) forgetWindows(ctx context.Context, parts []partitionStats, closed string) {
	p := s.db.Pipeline()
	for i, part := range parts {
		if part.gone.Val() > 0 {
			p.ZRemRangeByScore(ctx, tagOf(i).windows(), "-inf", closed)
		}
	}
	if p.Len() > 0 {
		_ = s.exec(ctx, p)
	}
}

// statsOfGroups adds to st what must be counted per tenant, run or assistant.
func (s *Store) statsOfGroups(ctx context.Context, parts []partitionStats, real time.Time, st *followup.Stats) error {
	type waitingQueues struct {
		t         tag
		assistant followup.AssistantID
		first     *redis.StringSliceCmd
		last      *redis.StringSliceCmd
	}
	var counts, waiting []*redis.IntCmd
	var runs []*redis.StringCmd
	var queues []waitingQueues
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i, part := range parts {
			t := tagOf(i)
			for _, z := range part.steps.Val() {
				counts = append(counts, p.ZCard(ctx, t.stepsDue(followup.TenantID(member(z)))))
			}
			for _, id := range part.leases.Val() {
				run := followup.RunID(id)
				runs = append(runs, p.HGet(ctx, t.lead(run.Lead()), "r"+strconv.Itoa(run.N())))
			}
			for _, z := range part.relays.Val() {
				a := followup.AssistantID(member(z))
				waiting = append(waiting, p.ZCard(ctx, t.relayDue(a)))
				queues = append(queues, waitingQueues{
					t, a, p.ZRange(ctx, t.relayDue(a), 0, lagHeads-1), p.ZRevRange(ctx, t.relayDue(a), 0, lagHeads-1),
				})
			}
		}
	}); err != nil {
		return err
	}
	for _, c := range counts {
		st.StepsPending += int(c.Val())
	}
	for _, c := range waiting {
		st.RelayPending += int(c.Val())
	}
	for _, r := range runs {
		if state, _, _ := strings.Cut(r.Val(), "|"); followup.RunState(state) == followup.RunClaimed {
			st.StepsPending++
		}
	}
	var heads []*redis.StringCmd
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for _, d := range queues {
			for _, lead := range distinct(append(d.first.Val(), d.last.Val()...)) {
				heads = append(heads, p.LIndex(ctx, d.t.queue(followup.LeadID(lead), d.assistant), 0))
			}
		}
	}); err != nil {
		return err
	}
	for _, h := range heads {
		if at := queuedAt(h.Val()); at > 0 {
			st.RelayLag = max(st.RelayLag, age(float64(at), real))
		}
	}
	return nil
}

// age returns the time from score, an instant in milliseconds, to at.
func age(score float64, at time.Time) time.Duration {
	return time.Duration(ms(at)-int64(score)) * time.Millisecond
}

// member returns the name of a sorted set's member.
func member(z redis.Z) string {
	m, _ := z.Member.(string)
	return m
}
