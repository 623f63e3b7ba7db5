package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

var claimScript = load("claim", "due", "pack")

// heldBack is when to look again at steps that a tenant's bound held back.
const heldBack = 50 * time.Millisecond

// claimWithin bounds the claim in one partition.
const claimWithin = 500 * time.Millisecond

// errLate says that a partition did not answer in time, though all have been peeked at: no
// reason to leave the others alone.
var errLate = errors.New("steps of a partition not claimed in time")

// maxClaim bounds the steps of one claim, by what a script may have in hand at once.
const maxClaim = 1024

// maxNext bounds how long a claim may tell the poller to sleep.
const maxNext = time.Hour

// candidate is a step that looks due or whose lease looks over.
type candidate struct {
	run    followup.RunID
	tenant followup.TenantID
	due    float64
}

// heads says how long until a partition's earliest step is due and its earliest
// lease over: not positive if they are, maxNext if there is none.
type heads struct{ step, lease time.Duration }

func (h heads) next() time.Duration { return max(min(h.step, h.lease), 0) }

// Claim implements followup.StepStore: it peeks with plain reads, then claims
// in all partitions at once, with one script in each that declares every key.
func (s *Store) Claim(ctx context.Context, c followup.ClaimParams) (followup.Batch, error) {
	c.Limit = min(c.Limit, maxClaim)
	parts, err := s.peek(ctx, c)
	if err != nil {
		return followup.Batch{}, fmt.Errorf("peek at due steps: %w", err)
	}
	taken := map[followup.TenantID]int{}
	batch, newer, failed := s.claimAgain(ctx, c, parts, taken)
	c.Limit -= len(batch.Steps)
	if next := soonest(parts); c.Limit == 0 || next > 0 && failed == nil {
		batch.Next = next
		return batch, nil
	}
	found, cut, held, err := s.candidates(ctx, c, parts, taken)
	if err != nil && len(batch.Steps) == 0 {
		return batch, fmt.Errorf("peek at due steps: %w", err)
	}
	more, unread, err := s.claimAll(ctx, c, s.claimsOf(found), parts)
	batch.Steps, batch.Ended = append(batch.Steps, more.Steps...), append(batch.Ended, more.Ended...)
	newer, err = newer || unread, cmp.Or(err, failed)
	if err != nil && len(batch.Steps) == 0 && !errors.Is(err, errLate) {
		return batch, err
	}
	slices.SortFunc(batch.Steps, func(a, b followup.Claimed) int { return b.Run.DueAt.Compare(a.Run.DueAt) })
	switch {
	case cut:
	case held || newer:
		batch.Next = heldBack // whoever holds a worker of that tenant knows when it is free
	case err != nil: // it has to wait
		batch.Next = min(max(soonest(parts), time.Millisecond), heldBack)
	case len(batch.Steps) == 0: // somebody else was faster
		batch.Next = max(soonest(parts), time.Millisecond)
	default:
		batch.Next = soonest(parts)
	}
	return batch, nil
}

func soonest(parts []heads) time.Duration {
	next := maxNext
	for _, h := range parts {
		next = min(next, h.next())
	}
	return next
}

// claimAgain makes the claims again whose answer did not come, and counts what they give as
// taken. Where that fails again there is nothing to be had by this claim.
func (s *Store) claimAgain(
	ctx context.Context, c followup.ClaimParams, parts []heads, taken map[followup.TenantID]int,
) (batch followup.Batch, newer bool, failed error) {
	claims := s.unheard.take(c)
	heard := slices.Repeat([]heads{{maxNext, maxNext}}, len(parts))
	batch, newer, failed = s.claimAll(ctx, c, claims, heard)
	for _, of := range claims {
		parts[of.partition] = heard[of.partition]
	}
	for _, step := range batch.Steps {
		taken[step.Run.Tenant]++
	}
	return batch, newer, failed
}

// claimsOf is what to claim in each partition.
func (s *Store) claimsOf(found []candidate) []claimOf {
	byPartition := map[int][]candidate{}
	for _, f := range found {
		p := s.partition(f.run.Lead())
		byPartition[p] = append(byPartition[p], f)
	}
	token := s.newToken()
	claims := make([]claimOf, 0, len(byPartition))
	for p, list := range byPartition {
		claims = append(claims, claimOf{p, token, list})
	}
	return claims
}

// claimAll makes the claims, and notes how the partitions are left. A partition
// that is not to be had, because its slot is on its way to another node, must not
// keep what the others gave.
func (s *Store) claimAll(
	ctx context.Context, c followup.ClaimParams, claims []claimOf, parts []heads,
) (batch followup.Batch, newer bool, failed error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, of := range claims {
		all.Go(func() {
			within, cancel := context.WithTimeout(ctx, claimWithin)
			defer cancel()
			b, left, err := s.claimIn(within, of.partition, of.steps, of.token, c)
			mu.Lock()
			defer mu.Unlock()
			batch.Steps = append(batch.Steps, b.Steps...)
			batch.Ended = append(batch.Ended, b.Ended...)
			if left != nil {
				parts[of.partition] = *left
			} else {
				s.unheard.put(of)
			}
			switch {
			case errors.Is(err, errNewer):
				s.newer.tell(s.log, s.now(), err)
				newer = true // it is for whoever can read it
			case err != nil && within.Err() != nil && ctx.Err() == nil:
				s.late.tell(s.log, s.now(), fmt.Errorf("partition %d: %w", of.partition, err))
				failed = cmp.Or(failed, errLate)
			case err != nil:
				failed = fmt.Errorf("claim due steps: %w", err)
			}
		})
	}
	all.Wait()
	return batch, newer, failed
}

// peek asks every partition for its earliest step and lease, in one round trip.
func (s *Store) peek(ctx context.Context, c followup.ClaimParams) ([]heads, error) {
	type reads struct{ step, lease *redis.ZSliceCmd }
	cmds := make([]reads, s.partitions)
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i := range cmds {
			t := tagOf(i)
			cmds[i].step = p.ZRangeWithScores(ctx, t.stepsIndex(), 0, 0)
			cmds[i].lease = p.ZRangeWithScores(ctx, t.stepsLeases(), 0, 0)
		}
	}); err != nil {
		return nil, err
	}
	parts := make([]heads, s.partitions)
	for i, cmd := range cmds {
		parts[i] = heads{maxNext, maxNext}
		if z := cmd.step.Val(); len(z) > 0 {
			parts[i].step = until(z[0].Score, c.Now)
		}
		if z := cmd.lease.Val(); len(z) > 0 {
			parts[i].lease = until(z[0].Score, c.Real)
		}
	}
	return parts, nil
}

// candidates picks what to claim: expired leases first, then round-robin by
// tenant, the least late first within a tenant. cut says that there is more, held
// that a tenant's bound kept some back, or that only a newer replica can read them.
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
		if err := s.look(ctx, c, groups, min(n, c.Limit)); err != nil {
			return nil, false, false, err
		}
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
	t      tag
	tenant followup.TenantID
	first  []candidate             // the least late
	more   bool                    // there may be more
	newer  map[followup.RunID]bool // of those that only a newer replica can read
}

// dueGroups lists where something is due of those that there is room for; full says
// that there is none for some. Each of them has a step, so that more tenants than steps need not be
// asked. It is by turn who is asked, not by who waits longest: whose steps are taken
// with the least late first waits longest until all are taken.
func (s *Store) dueGroups(
	ctx context.Context, c followup.ClaimParams, parts []heads, taken map[followup.TenantID]int,
) (groups []*dueGroup, full bool, err error) {
	reads := make([]*redis.StringSliceCmd, len(parts))
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i, h := range parts {
			if h.step <= 0 {
				reads[i] = p.ZRangeByScore(ctx, tagOf(i).stepsIndex(), dueBy(c.Now, 0))
			}
		}
	}); err != nil {
		return nil, false, err
	}
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
			of[t] = append(of[t], &dueGroup{t: tagOf(i), tenant: t, more: true})
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
// beside those that only a newer replica can read.
func (s *Store) look(ctx context.Context, c followup.ClaimParams, groups []*dueGroup, n int) error {
	reads, most := make([]*redis.ZSliceCmd, len(groups)), make([]int, len(groups))
	versions := map[followup.RunID]*redis.StringCmd{}
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i, g := range groups {
			if !g.more {
				continue
			}
			g.newer = s.unread.of(g.t.stepsDue(g.tenant), c.Real)
			for run := range g.newer {
				versions[run] = p.HGet(ctx, g.t.lead(run.Lead()), "v")
			}
			most[i] = n + len(g.newer)
			reads[i] = p.ZRevRangeByScoreWithScores(ctx, g.t.stepsDue(g.tenant), dueBy(c.Now, most[i]))
		}
	}); err != nil {
		return err
	}
	for i, g := range groups {
		if reads[i] == nil {
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
	return nil
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
// and that can be read; held says that it left others.
func (s *Store) expired(
	ctx context.Context, c followup.ClaimParams, parts []heads, taken map[followup.TenantID]int,
) (found []candidate, held bool, err error) {
	var leases []*redis.StringSliceCmd
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i, h := range parts {
			if h.lease <= 0 {
				leases = append(leases, p.ZRangeByScore(ctx, tagOf(i).stepsLeases(), dueBy(c.Real, 0)))
			}
		}
	}); err != nil {
		return nil, false, err
	}
	var ids []string
	for _, l := range leases {
		ids = append(ids, l.Val()...)
	}
	for some := range slices.Chunk(ids, leadsAtOnce) {
		leads := make([]*redis.SliceCmd, len(some))
		if err := s.pipe(ctx, func(p redis.Pipeliner) {
			for i, id := range some {
				lead := followup.RunID(id).Lead()
				leads[i] = p.HMGet(ctx, s.tag(lead).lead(lead), "t", "v")
			}
		}); err != nil {
			return nil, false, err
		}
		for i, id := range some {
			f := reply(leads[i].Val())
			t, v := followup.TenantID(f.text(0)), f.text(1)
			if isNewer(v) {
				s.newer.tell(s.log, s.now(), fmt.Errorf("lead of format %s: %w", v, errNewer))
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

// claimIn claims candidates of one partition, and says how it is left; nil if nobody
// knows. The error is of the partition or of one of them, which takes no other along.
func (s *Store) claimIn(
	ctx context.Context, partition int, list []candidate, token string, c followup.ClaimParams,
) (batch followup.Batch, left *heads, failed error) {
	t := tagOf(partition)
	keys := []string{t.stepsIndex(), t.stepsLeases(), t.control()}
	args := []any{token, ms(c.Now), ms(c.Real), ms(c.Real.Add(c.Lease))}
	for _, f := range list {
		keys = append(keys, t.stepsDue(f.tenant), t.lead(f.run.Lead()))
		args = append(args, string(f.run), f.run.N(), string(f.tenant))
	}
	v, err := s.run(ctx, claimScript, keys, args...)
	if err != nil {
		return batch, nil, err
	}
	r, _ := v.([]any)
	left = &heads{maxNext, maxNext}
	if at := reply(r).text(0); at != "" {
		left.step = until(float64(reply(r).int(0)), c.Now)
	}
	if at := reply(r).text(1); at != "" {
		left.lease = until(float64(reply(r).int(1)), c.Real)
	}
	for i := range reply(r).list(2) {
		row := reply(r).list(2).list(i)
		if err := s.claimed(ctx, list[row.int(0)-1], row, token, c, &batch); err != nil {
			failed = err
		}
	}
	return batch, left, failed
}

// claimed adds a step that the script has claimed to the batch, or ends its run if
// its config is over.
func (s *Store) claimed(
	ctx context.Context, f candidate, row reply, token string, c followup.ClaimParams, batch *followup.Batch,
) error {
	if row.text(1) == "newer" {
		s.unread.put(s.tag(f.run.Lead()).stepsDue(f.tenant), f.run, c.Real)
		return fmt.Errorf("step left alone: lead %w", errNewer)
	}
	fields := row.list(6).fields()
	packed := packedRun{row.text(4), fields["f"+strconv.Itoa(f.run.N())], row.text(5)}
	run, live, err := parseRun(f.run.Lead(), f.run.N(), f.tenant, packed)
	if err != nil {
		return err
	}
	s.known.put(run)
	crashed := row.int(2) == 1
	if reason, over := configOver(row.text(3)); over && !crashed {
		ended, err := s.endRun(ctx, f.tenant, run.ID, endRequest{Reason: reason, Token: token}, c.Now, c.Real)
		batch.Ended = append(batch.Ended, ended...)
		return err
	}
	lead, err := parseLead(run.Lead, fields)
	if err != nil {
		return err
	}
	step := followup.Claimed{Run: run, Token: token, Lead: lead, Paused: row.int(1) == 1, Crashed: crashed}
	if crashed {
		step.Attempt, step.Kind, step.UsedStep = live.attempt, live.kind, live.used
	}
	batch.Steps = append(batch.Steps, step)
	return nil
}

// configOver says why a config's state ends its runs, if it does.
func configOver(state string) (followup.Reason, bool) {
	switch followup.ConfigState(state) {
	case followup.ConfigInactive:
		return followup.ConfigOff, true
	case followup.ConfigDeleted:
		return followup.ConfigGone, true
	case followup.ConfigActive, followup.ConfigFinish:
	}
	return "", false
}
