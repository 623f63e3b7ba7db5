package redisstore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

// candidate is a step that looked due, or whose lease looked expired, when it was read.
type candidate struct {
	run    followup.RunID
	tenant followup.TenantID
	due    float64
}

// heads says how long until a partition's earliest step is due, in domain time, and until its
// earliest lease ends, in real time. A duration is zero or negative if that has happened, and
// maxNext if there is no step or lease.
type heads struct{ step, lease time.Duration }

// peek reads the earliest step and the earliest lease of every partition, in one round trip. A
// partition that does not answer is returned in silent, and its heads say that it has neither.
func (s *Store) peek(ctx context.Context, c followup.ClaimParams) ([]heads, silent, error) {
	type reads struct{ step, lease *redis.ZSliceCmd }
	cmds := make([]reads, s.partitions)
	without, err := s.pipeNodes(ctx, s.all(), func(p redis.Pipeliner, i int) {
		t := tagOf(i)
		cmds[i].step = p.ZRangeWithScores(ctx, t.stepsIndex(), 0, 0)
		cmds[i].lease = p.ZRangeWithScores(ctx, t.stepsLeases(), 0, 0)
	})
	if err != nil {
		return nil, nil, err
	}
	parts := make([]heads, s.partitions)
	for i, cmd := range cmds {
		parts[i] = heads{maxNext, maxNext}
		if without[i] {
			continue // one of the two commands may have been answered
		}
		if z := cmd.step.Val(); len(z) > 0 {
			parts[i].step = until(z[0].Score, c.Now)
		}
		if z := cmd.lease.Val(); len(z) > 0 {
			parts[i].lease = until(z[0].Score, c.Real)
		}
	}
	return parts, without, nil
}

// candidates picks the steps to claim: expired leases first, then tenants in turn, and within a
// tenant the least late step first. cut says that more steps are due than the limit allows. held
// says that steps were left because of a tenant's bound, because only a newer replica can read
// them, or because a node did not answer.
func (s *Store) candidates(
	ctx context.Context, c followup.ClaimParams, parts []heads, taken map[followup.TenantID]int,
) (found []candidate, cut, held bool, err error) {
	found, held, err = s.expired(ctx, c, parts, taken)
	if err != nil {
		return nil, false, false, err
	}
	groups, full, err := s.dueGroups(ctx, c, parts, taken)
	if err != nil {
		return nil, false, false, err
	}
	held = held || full
	limit := c.Limit - len(found)
	var picked []candidate
	var over bool
	for n := max(firstLook, 2*share(limit, max(len(groups), 1))); ; n *= 4 {
		left, err := s.look(ctx, c, groups, min(n, c.Limit))
		if err != nil {
			return nil, false, false, err
		}
		held = held || left
		picked, cut, over = s.pickSteps(c, groups, taken, limit)
		if !unseen(groups, picked) {
			break
		}
	}
	for _, g := range groups {
		held = held || len(g.newer) > 0
	}
	switch {
	case len(picked) > 0:
		s.tenants.set(picked[len(picked)-1].tenant)
	case len(groups) > 0: // none of their steps can be read
		s.tenants.set(groups[len(groups)-1].tenant)
	}
	return append(found, picked...), cut, held || over, nil
}

// firstLook is the least number of steps that is read of each group at first.
const firstLook = 4

// dueGroup is a tenant's steps in one partition.
type dueGroup struct {
	partition int
	tenant    followup.TenantID
	first     []candidate             // the least late
	more      bool                    // there may be more than first
	newer     map[followup.RunID]bool // steps that only a newer replica can read
}

// dueGroups lists the groups in which a step is due, of tenants that there is room for. full says
// that a tenant was left out because there is no room for it, or that a node did not answer. Every
// group has at least one due step, so at most as many tenants as c.Limit are read. Tenants are
// chosen in turn, not by who has waited longest: because the least late steps are claimed first, a
// tenant with a backlog has the longest waiting step until all its steps are claimed.
func (s *Store) dueGroups(
	ctx context.Context, c followup.ClaimParams, parts []heads, taken map[followup.TenantID]int,
) (groups []*dueGroup, full bool, err error) {
	reads := make([]*redis.StringSliceCmd, len(parts))
	var due []int
	for i, h := range parts {
		if h.step <= 0 {
			due = append(due, i)
		}
	}
	without, err := s.pipeNodes(ctx, due, func(p redis.Pipeliner, i int) {
		reads[i] = p.ZRangeByScore(ctx, tagOf(i).stepsIndex(), dueBy(c.Now, 0))
	})
	if err != nil {
		return nil, false, err
	}
	full = len(without) > 0
	of := map[followup.TenantID][]*dueGroup{}
	for i, names := range reads {
		if names == nil {
			continue
		}
		for _, name := range names.Val() {
			t := followup.TenantID(name)
			if taken[t] >= c.Room(t) {
				full = full || c.PerTenant > 0
				continue
			}
			of[t] = append(of[t], &dueGroup{partition: i, tenant: t, more: true})
		}
	}
	names := behind(slices.Sorted(maps.Keys(of)), s.tenants.get())
	for _, t := range names[:min(len(names), c.Limit)] {
		groups = append(groups, of[t]...)
	}
	return groups, full, nil
}

// dueBy is the range of members that are due by an instant, at most the given number; 0 means all.
func dueBy(at time.Time, most int) *redis.ZRangeBy {
	return &redis.ZRangeBy{Min: "-inf", Max: strconv.FormatInt(ms(at), 10), Count: int64(most)}
}

// look reads the n least late steps of each group that may have more than was read so far, not
// counting steps that only a newer replica can read. left says that a node did not answer.
func (s *Store) look(ctx context.Context, c followup.ClaimParams, groups []*dueGroup, n int) (left bool, err error) {
	reads, most := make([]*redis.ZSliceCmd, len(groups)), make([]int, len(groups))
	versions := map[followup.RunID]*redis.StringCmd{}
	in := map[int][]int{} // partition to indexes in groups
	for i, g := range groups {
		if g.more {
			in[g.partition] = append(in[g.partition], i)
		}
	}
	without, err := s.pipeNodes(ctx, slices.Sorted(maps.Keys(in)), func(p redis.Pipeliner, partition int) {
		for _, i := range in[partition] {
			g := groups[i]
			due := tagOf(partition).stepsDue(g.tenant)
			g.newer = s.unread.of(due, c.Real)
			for run := range g.newer {
				versions[run] = p.HGet(ctx, tagOf(partition).lead(run.Lead()), "v")
			}
			most[i] = n + len(g.newer)
			reads[i] = p.ZRevRangeByScoreWithScores(ctx, due, dueBy(c.Now, most[i]))
		}
	})
	if err != nil {
		return false, err
	}
	for i, g := range groups {
		if reads[i] == nil {
			continue
		}
		if without[g.partition] {
			g.first, g.more = nil, false
			continue
		}
		maps.DeleteFunc(g.newer, func(run followup.RunID, _ bool) bool { return !isNewer(versions[run].Val()) })
		g.first = g.first[:0]
		for _, z := range reads[i].Val() {
			if run := followup.RunID(member(z)); !g.newer[run] {
				g.first = append(g.first, candidate{run: run, tenant: g.tenant, due: z.Score})
			}
		}
		g.more = len(reads[i].Val()) == most[i] && n < c.Limit
	}
	return len(without) > 0, nil
}

// pickSteps picks up to limit steps from what was read. cut says that the limit left some; over
// says that a tenant's bound did.
func (s *Store) pickSteps(
	c followup.ClaimParams, groups []*dueGroup, taken map[followup.TenantID]int, limit int,
) (picked []candidate, cut, over bool) {
	byTenant := map[followup.TenantID][]candidate{}
	for _, g := range groups {
		byTenant[g.tenant] = append(byTenant[g.tenant], g.first...)
	}
	names := behind(slices.Sorted(maps.Keys(byTenant)), s.tenants.get())
	queues := make([][]candidate, 0, len(names))
	for _, t := range names {
		q := byTenant[t]
		slices.SortFunc(q, func(a, b candidate) int { return cmp.Compare(b.due, a.due) })
		if room := max(0, c.Room(t)-taken[t]); len(q) > room {
			q, over = q[:room], over || c.PerTenant > 0
		}
		queues = append(queues, q)
	}
	picked, cut = roundRobin(queues, limit)
	return picked, cut, over
}

// unseen reports whether a group may have more steps although every step that was read of it is
// picked. The steps behind those may be less late than steps picked from other groups.
func unseen(groups []*dueGroup, picked []candidate) bool {
	last := map[followup.RunID]bool{}
	for _, p := range picked {
		last[p.run] = true
	}
	again := false
	for _, g := range groups {
		g.more = g.more && last[g.first[len(g.first)-1].run]
		again = again || g.more
	}
	return again
}

// leadsAtOnce is how many leads are asked for their tenant in one round trip.
const leadsAtOnce = 256

// expired lists the steps whose lease has run out, as far as there is room for their tenant and the
// step can be read. held says that some were left, or that a node did not answer.
func (s *Store) expired(
	ctx context.Context, c followup.ClaimParams, parts []heads, taken map[followup.TenantID]int,
) (found []candidate, held bool, err error) {
	leases := make([]*redis.StringSliceCmd, len(parts))
	var over []int
	for i, h := range parts {
		if h.lease <= 0 {
			over = append(over, i)
		}
	}
	without, err := s.pipeNodes(ctx, over, func(p redis.Pipeliner, i int) {
		leases[i] = p.ZRangeByScore(ctx, tagOf(i).stepsLeases(), dueBy(c.Real, 0))
	})
	if err != nil {
		return nil, false, err
	}
	held = len(without) > 0
	var ids []string
	for _, i := range over {
		ids = append(ids, leases[i].Val()...)
	}
	for some := range slices.Chunk(ids, leadsAtOnce) {
		leads, in := make([]*redis.SliceCmd, len(some)), map[int][]int{}
		for i, id := range some {
			partition := s.partition(followup.RunID(id).Lead())
			in[partition] = append(in[partition], i)
		}
		without, err := s.pipeNodes(ctx, slices.Sorted(maps.Keys(in)), func(p redis.Pipeliner, partition int) {
			for _, i := range in[partition] {
				leads[i] = p.HMGet(ctx, tagOf(partition).lead(followup.RunID(some[i]).Lead()), "t", "v")
			}
		})
		if err != nil {
			return nil, false, err
		}
		for i, id := range some {
			if without[s.partition(followup.RunID(id).Lead())] {
				held = true
				continue
			}
			f := reply(leads[i].Val())
			t, v := followup.TenantID(f.text(0)), f.text(1)
			if isNewer(v) {
				s.leftForLater(leftToNewer, fmt.Errorf("lead of format %s: %w", v, errNewer))
				held = true
				continue
			}
			if taken[t] >= c.Room(t) {
				held = true
				continue
			}
			taken[t]++
			if found = append(found, candidate{run: followup.RunID(id), tenant: t}); len(found) == c.Limit {
				return found, held, nil
			}
		}
	}
	return found, held, nil
}
