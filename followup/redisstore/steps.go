package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

var (
	claimScript   = load("claim", "due")
	guardScript   = load("guard_step", "due", "relay", "lead", "run")
	releaseScript = load("release", "due", "relay", "lead", "run")
	extendScript  = load("extend", "due", "relay", "lead", "run")
)

// heldBack is when to look again at steps that a tenant's bound held back.
const heldBack = 50 * time.Millisecond

// claimWithin bounds the claim in one partition.
const claimWithin = 500 * time.Millisecond

// maxNext bounds how long a claim may tell the poller to sleep.
const maxNext = time.Hour

// candidate is a step that looks due or whose lease looks over.
type candidate struct {
	run    followup.RunID
	tenant followup.TenantID
	due    float64
}

// Claim implements followup.StepStore: it peeks with plain reads, then claims
// per partition with one script that declares every key.
func (s *Store) Claim(ctx context.Context, c followup.ClaimParams) (followup.Batch, error) {
	next, due, leased, err := s.peek(ctx, c)
	if err != nil {
		return followup.Batch{}, fmt.Errorf("peek at due steps: %w", err)
	}
	if len(due) == 0 && len(leased) == 0 {
		return followup.Batch{Next: next}, nil
	}
	found, cut, held, err := s.candidates(ctx, c, due, leased)
	if err != nil {
		return followup.Batch{}, fmt.Errorf("peek at due steps: %w", err)
	}
	batch := followup.Batch{}
	byPartition := map[int][]candidate{}
	for _, f := range found {
		p := s.partition(f.run.Lead())
		byPartition[p] = append(byPartition[p], f)
	}
	token := s.newToken()
	// A partition that is not to be had, because its slot is on its way to another
	// node, must not keep the others waiting, nor what they gave.
	var failed error
	for p, list := range byPartition {
		within, cancel := context.WithTimeout(ctx, claimWithin)
		err := s.claimIn(within, p, list, token, c, &batch)
		cancel()
		switch {
		case errors.Is(err, errNewer):
			s.newer.tell(s.log, s.now(), err)
			held = true // by whoever can read it
		case err != nil:
			failed = fmt.Errorf("claim due steps: %w", err)
		}
	}
	if failed != nil && len(batch.Steps) == 0 {
		return batch, failed
	}
	slices.SortFunc(batch.Steps, func(a, b followup.Claimed) int { return b.Run.DueAt.Compare(a.Run.DueAt) })
	if cut {
		return batch, nil
	}
	if held {
		batch.Next = heldBack // whoever holds a worker of that tenant knows when it is free
		return batch, nil
	}
	if batch.Next, _, _, err = s.peek(ctx, c); err != nil {
		return batch, nil // what was claimed is claimed; the next turn will ask again
	}
	if len(batch.Steps) == 0 || failed != nil {
		batch.Next = max(batch.Next, time.Millisecond) // somebody else was faster, or it has to wait
	}
	return batch, nil
}

// peek asks every partition for its earliest step and lease, in one round trip.
func (s *Store) peek(ctx context.Context, c followup.ClaimParams) (next time.Duration, due, leased []int, err error) {
	type heads struct{ step, lease *redis.ZSliceCmd }
	cmds := make([]heads, s.partitions)
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i := range cmds {
			t := tagOf(i)
			cmds[i].step = p.ZRangeWithScores(ctx, t.stepsIndex(), 0, 0)
			cmds[i].lease = p.ZRangeWithScores(ctx, t.stepsLeases(), 0, 0)
		}
	}); err != nil {
		return 0, nil, nil, err
	}
	next = maxNext
	for i, cmd := range cmds {
		if z := cmd.step.Val(); len(z) > 0 {
			wait := until(z[0].Score, c.Now)
			if wait <= 0 {
				due = append(due, i)
			}
			next = min(next, max(wait, 0))
		}
		if z := cmd.lease.Val(); len(z) > 0 {
			wait := until(z[0].Score, c.Real)
			if wait <= 0 {
				leased = append(leased, i)
			}
			next = min(next, max(wait, 0))
		}
	}
	return next, due, leased, nil
}

// candidates picks what to claim: expired leases first, then round-robin by
// tenant, the least late first within a tenant. cut says that there is more, held
// that a tenant's bound kept some back.
func (s *Store) candidates(
	ctx context.Context, c followup.ClaimParams, due, leased []int,
) (found []candidate, cut, held bool, err error) {
	found, err = s.expired(ctx, c, leased)
	if err != nil {
		return nil, false, false, err
	}
	taken := map[followup.TenantID]int{}
	found = slices.DeleteFunc(found, func(f candidate) bool {
		taken[f.tenant]++
		over := taken[f.tenant] > c.Room(f.tenant)
		held = held || over
		return over
	})
	groups := make([]*redis.StringSliceCmd, len(due))
	to := strconv.FormatInt(ms(c.Now), 10)
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i, part := range due {
			groups[i] = p.ZRangeByScore(ctx, tagOf(part).stepsIndex(), &redis.ZRangeBy{Min: "-inf", Max: to})
		}
	}); err != nil {
		return nil, false, false, err
	}
	parts := map[followup.TenantID][]int{}
	for i, part := range due {
		for _, name := range groups[i].Val() {
			t := followup.TenantID(name)
			if taken[t] >= c.Room(t) {
				held = held || c.PerTenant > 0
				continue
			}
			parts[t] = append(parts[t], part)
		}
	}
	// Each of them has a step, so that more tenants than steps need not be asked. It
	// is by turn who is asked, not by who waits longest: whose steps are taken with
	// the least late first waits longest until all are taken.
	names := behind(slices.Sorted(maps.Keys(parts)), s.tenants.get())
	names = names[:min(len(names), c.Limit)]
	type members struct {
		tenant followup.TenantID
		cmd    *redis.ZSliceCmd
	}
	var reads []members
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for _, t := range names {
			for _, part := range parts[t] {
				cmd := p.ZRevRangeByScoreWithScores(ctx, tagOf(part).stepsDue(t),
					&redis.ZRangeBy{Min: "-inf", Max: to, Count: int64(c.Room(t) - taken[t] + 1)})
				reads = append(reads, members{t, cmd})
			}
		}
	}); err != nil {
		return nil, false, false, err
	}
	byTenant := map[followup.TenantID][]candidate{}
	for _, m := range reads {
		for _, z := range m.cmd.Val() {
			run := followup.RunID(fmt.Sprint(z.Member))
			byTenant[m.tenant] = append(byTenant[m.tenant], candidate{run: run, tenant: m.tenant, due: z.Score})
		}
	}
	for t, list := range byTenant {
		slices.SortFunc(list, func(a, b candidate) int { return cmp.Compare(b.due, a.due) })
		if room := c.Room(t) - taken[t]; len(list) > room {
			byTenant[t], held = list[:room], held || c.PerTenant > 0
		}
	}
	queues := make([][]candidate, 0, len(names))
	for _, t := range names {
		queues = append(queues, byTenant[t])
	}
	picked, cut := inTurns(queues, c.Limit-len(found))
	if len(picked) > 0 {
		s.tenants.set(picked[len(picked)-1].tenant)
	}
	return append(found, picked...), cut, held, nil
}

// expired lists the steps whose lease has run out.
func (s *Store) expired(ctx context.Context, c followup.ClaimParams, partitions []int) ([]candidate, error) {
	if len(partitions) == 0 {
		return nil, nil
	}
	leases := make([]*redis.StringSliceCmd, len(partitions))
	to := strconv.FormatInt(ms(c.Real), 10)
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i, part := range partitions {
			leases[i] = p.ZRangeByScore(ctx, tagOf(part).stepsLeases(),
				&redis.ZRangeBy{Min: "-inf", Max: to, Count: int64(c.Limit)})
		}
	}); err != nil {
		return nil, err
	}
	var found []candidate
	var tenants []*redis.StringCmd
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i := range partitions {
			for _, id := range leases[i].Val() {
				if len(found) == c.Limit {
					return
				}
				run := followup.RunID(id)
				found = append(found, candidate{run: run})
				tenants = append(tenants, p.HGet(ctx, s.tag(run.Lead()).lead(run.Lead()), "t"))
			}
		}
	}); err != nil {
		return nil, err
	}
	for i := range found {
		found[i].tenant = followup.TenantID(tenants[i].Val())
	}
	return found, nil
}

// claimIn claims candidates of one partition and adds what it got to the batch.
func (s *Store) claimIn(
	ctx context.Context, partition int, list []candidate, token string, c followup.ClaimParams, batch *followup.Batch,
) error {
	t := tagOf(partition)
	keys := []string{t.stepsIndex(), t.stepsLeases(), t.control()}
	args := []any{token, ms(c.Now), ms(c.Real), ms(c.Real.Add(c.Lease))}
	for _, f := range list {
		keys = append(keys, t.stepsDue(f.tenant), t.lead(f.run.Lead()))
		args = append(args, string(f.run), f.run.N(), string(f.tenant))
	}
	v, err := s.run(ctx, claimScript, keys, args...)
	if err != nil {
		return err
	}
	rows, _ := v.([]any)
	var failed error // of a row, which takes no other along
	for i := range rows {
		r := reply(rows).list(i)
		f := list[r.int(0)-1]
		if r.text(1) == "newer" {
			failed = fmt.Errorf("step left alone: lead %w", errNewer)
			continue
		}
		fields := r.list(4).fields()
		run, live, err := parseRun(f.run.Lead(), f.run.N(), f.tenant, fields["r"+strconv.Itoa(f.run.N())])
		if err != nil {
			failed = err
			continue
		}
		s.known.put(run)
		if reason, over := configOver(r.text(3)); over && r.int(2) == 0 {
			ended, err := s.endRun(ctx, f.tenant, run.ID, endRequest{Reason: reason, Token: token}, c.Now, c.Real)
			if err != nil {
				failed = err
				continue
			}
			batch.Ended = append(batch.Ended, ended...)
			continue
		}
		lead, err := parseLead(run.Lead, fields)
		if err != nil {
			failed = err
			continue
		}
		claimed := followup.Claimed{Run: run, Token: token, Lead: lead, Paused: r.int(1) == 1, Crashed: r.int(2) == 1}
		if claimed.Crashed {
			claimed.Attempt, claimed.Kind, claimed.UsedStep = live.attempt, live.kind, live.used
		}
		batch.Steps = append(batch.Steps, claimed)
	}
	return failed
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

// GuardStep implements followup.StepStore.
func (s *Store) GuardStep(ctx context.Context, g followup.GuardStep) (followup.Verdict, error) {
	run, err := s.runFacts(ctx, g.Run)
	if err != nil || run.Tenant == "" {
		return followup.Verdict{Refusal: followup.RefusedStale}, err
	}
	r, err := s.call(ctx, s.runDurable, guardScript,
		scope{lead: run.Lead, tenant: run.Tenant, now: g.Now, real: g.Real},
		marshal(map[string]any{
			"n": g.Run.N(), "token": g.Token, "free": g.FreeForm, "marketing": g.Marketing, "lease": g.Lease.Milliseconds(),
			"kind": g.Kind, "used": g.UsedStep,
		}))
	if v, refused, err := refusal(r, err); refused || err != nil {
		return v, err
	}
	if r.text(0) == "end" {
		ended, err := s.endRun(ctx, run.Tenant, g.Run,
			endRequest{Reason: followup.Reason(r.text(1)), Token: g.Token}, g.Now, g.Real)
		return followup.Verdict{Refusal: followup.RefusedStale, Ended: ended}, err
	}
	attempt := followup.AttemptID(r.text(0))
	return followup.Verdict{Attempt: attempt, Opaque: attempt.Opaque(s.partition(run.Lead))}, nil
}

// ExtendStep implements followup.StepStore.
func (s *Store) ExtendStep(
	ctx context.Context, run followup.RunID, token string, real time.Time, lease time.Duration,
) error {
	facts, err := s.runFacts(ctx, run)
	if err != nil {
		return err
	}
	if facts.Tenant == "" {
		return followup.ErrStale
	}
	r, err := s.call(ctx, s.run, extendScript, scope{lead: facts.Lead, tenant: facts.Tenant, now: real, real: real},
		marshal(map[string]any{"n": run.N(), "token": token, "lease": lease.Milliseconds()}))
	if err != nil {
		return fmt.Errorf("extend lease: %w", err)
	}
	if r.text(0) == "stale" {
		return followup.ErrStale
	}
	return nil
}

// ReleaseStep implements followup.StepStore.
func (s *Store) ReleaseStep(ctx context.Context, run followup.RunID, token string, until time.Time) error {
	facts, err := s.runFacts(ctx, run)
	if err != nil || facts.Tenant == "" {
		return err
	}
	r, err := s.call(ctx, s.run, releaseScript,
		scope{lead: facts.Lead, tenant: facts.Tenant, now: s.now(), real: s.now()},
		marshal(map[string]any{"n": run.N(), "token": token, "until": ms(until)}))
	if err != nil {
		return fmt.Errorf("release step: %w", err)
	}
	s.onEnded(r.list(0).ended())
	s.forwardIf(ctx, r.text(1) == "1", facts.Tenant, facts.Lead)
	return nil
}
