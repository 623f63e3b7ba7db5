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

// candidate is a step that looks due or whose lease looks over.
type candidate struct {
	run    followup.RunID
	tenant followup.TenantID
	due    float64
}

// heads says how long until a partition's earliest step is due, in domain time, and its
// earliest lease over, in real time: not positive if they are, maxNext if there is none.
type heads struct{ step, lease time.Duration }

// peek asks every partition for its earliest step and lease, in one round trip. Of those that
// do not answer it is as if they had none.
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
			continue // of two commands one may have been answered
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

// candidates picks what to claim: expired leases first, then round-robin by
// tenant, the least late first within a tenant. cut says that there is more, held
// that a tenant's bound kept some back, that only a newer replica can read them, or that a
// node did not answer.
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
	case len(groups) > 0: // nothing that can be read
		s.tenants.set(groups[len(groups)-1].tenant)
	}
	return append(found, picked...), cut, held || over, nil
}

// firstLook is how many of a group are looked at first, at least.
const firstLook = 4

// dueGroup is a tenant's steps in one partition.
type dueGroup struct {
	partition int
	tenant    followup.TenantID
	first     []candidate             // the least late
	more      bool                    // there may be more
	newer     map[followup.RunID]bool // of those that only a newer replica can read
}

// dueGroups lists where something is due of those that there is room for; full says
// that there is none for some, or that a node did not answer. Each of them has a step, so that more tenants than steps need not be
// asked. It is by turn who is asked, not by who waits longest: whose steps are taken
// with the least late first waits longest until all are taken.
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

// dueBy is the range of what is due at an instant, at most so many; 0: all.
func dueBy(at time.Time, most int) *redis.ZRangeBy {
	return &redis.ZRangeBy{Min: "-inf", Max: strconv.FormatInt(ms(at), 10), Count: int64(most)}
}

// look reads the n least late steps of each group that may have more than was read,
// beside those that only a newer replica can read. left says that a node did not answer.
func (s *Store) look(ctx context.Context, c followup.ClaimParams, groups []*dueGroup, n int) (left bool, err error) {
	reads, most := make([]*redis.ZSliceCmd, len(groups)), make([]int, len(groups))
	versions := map[followup.RunID]*redis.StringCmd{}
	in := map[int][]int{} // the groups of a partition
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

// pickSteps picks of what was read. over says that a tenant's bound kept some back.
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
	picked, cut = inTurns(queues, limit)
	return picked, cut, over
}

// unseen reports whether a group may have more of which all that was read is
// picked: what comes behind that may be less late than what another has.
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

// leadsAtOnce is of how many leads is asked at once whose they are.
const leadsAtOnce = 256

// expired lists the steps whose lease has run out, of those that there is room for
// and that can be read; held says that it left others, or that a node did not answer.
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
