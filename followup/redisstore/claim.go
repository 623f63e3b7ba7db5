package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"wagate/followup"
)

var claimScript = load("claim")

// heldBack is how soon to look again, in real time, at steps that a tenant's bound held back or
// whose node did not answer.
const heldBack = 50 * time.Millisecond

// errLate says that a partition's claim was not answered in time, although every node had answered
// the peek. It is no reason to leave the other partitions alone.
var errLate = errors.New("steps of a partition not claimed in time")

// maxClaim bounds the steps of one claim, because a script can handle only so many values at once.
const maxClaim = 1024

// maxNext bounds how long a claim may tell the poller to sleep, in domain time and in real time.
const maxNext = time.Hour

// Claim implements followup.StepStore. It peeks with plain reads, then claims in all partitions at
// once, with one script per partition that declares every key.
func (s *Store) Claim(ctx context.Context, c followup.ClaimParams) (followup.Batch, error) {
	c.Limit = min(c.Limit, maxClaim)
	parts, without, err := s.peek(ctx, c)
	if err != nil {
		return followup.Batch{}, fmt.Errorf("peek at due steps: %w", err)
	}
	taken := map[followup.TenantID]int{}
	batch, newer, failed := s.claimAgain(ctx, c, parts, without, taken)
	c.Limit -= len(batch.Steps)
	batch.Next, batch.Again = soonest(parts)
	if len(without) > 0 {
		batch.Again = min(batch.Again, heldBack)
	}
	if c.Limit == 0 || min(batch.Next, batch.Again) > 0 && failed == nil {
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
	step, lease := soonest(parts)
	switch {
	case cut:
		batch.Next, batch.Again = 0, lease
	case held || newer || len(without) > 0:
		batch.Next, batch.Again = maxNext, heldBack // the caller knows when a worker of that tenant is free
	case err != nil: // do not try again at once
		batch.Next, batch.Again = max(step, time.Millisecond), min(max(lease, time.Millisecond), heldBack)
	case len(batch.Steps) == 0: // another replica was faster
		batch.Next, batch.Again = max(step, time.Millisecond), max(lease, time.Millisecond)
	default:
		batch.Next, batch.Again = step, lease
	}
	return batch, nil
}

// soonest returns how long until a step is due, in domain time, and until a lease ends, in real
// time.
func soonest(parts []heads) (step, lease time.Duration) {
	step, lease = maxNext, maxNext
	for _, h := range parts {
		step, lease = min(step, max(h.step, 0)), min(lease, max(h.lease, 0))
	}
	return step, lease
}

// claimAgain repeats the claims whose answer did not come, and counts the steps they yield as
// taken. A claim that fails again stays unheard, and its partition yields nothing more in this
// call. A claim on a node that does not answer is left for later.
func (s *Store) claimAgain(
	ctx context.Context, c followup.ClaimParams, parts []heads, without silent, taken map[followup.TenantID]int,
) (batch followup.Batch, newer bool, failed error) {
	claims := slices.DeleteFunc(s.unheard.take(c), func(of claimOf) bool {
		if without[of.partition] {
			s.unheard.put(of)
		}
		return without[of.partition]
	})
	if len(claims) == 0 { // the usual case
		return batch, false, nil
	}
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

// claimsOf groups the candidates by partition, as claims under one new token.
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

// claimAll makes the claims at the same time, and stores in parts how each left its partition. A
// partition that cannot be had, because its slot is moving to another node, must not hold back what
// the others yield.
func (s *Store) claimAll(
	ctx context.Context, c followup.ClaimParams, claims []claimOf, parts []heads,
) (batch followup.Batch, newer bool, failed error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, of := range claims {
		all.Go(func() {
			within, cancel := context.WithTimeout(ctx, s.patience.claim)
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
				s.leftForLater(leftToNewer, err)
				newer = true // left to a replica that can read it
			case err != nil && within.Err() != nil && ctx.Err() == nil:
				s.leftForLater(leftUnclaimed, fmt.Errorf("partition %d: %w", of.partition, err))
				failed = cmp.Or(failed, errLate)
			case err != nil:
				failed = fmt.Errorf("claim due steps: %w", err)
			}
		})
	}
	all.Wait()
	return batch, newer, failed
}

// claimIn claims the candidates of one partition. left says how the claim left the partition; it is
// nil if that is unknown because the script was not answered. The error concerns the partition or
// one candidate; an error of one candidate does not affect the others.
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

// claimed adds a step that the script has claimed to the batch or, if the step's config is inactive
// or deleted, ends its run. A step whose worker was lost while sending is added in any case.
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
	s.known.put(run.ID, run)
	s.followed.put(run.Lead, struct{}{})
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
	step := followup.Claimed{Run: run, Token: token, Lead: lead, Paused: row.int(1) == 1, Crashed: crashed, Lapsed: live.lapsed}
	if crashed {
		step.Attempt, step.Kind, step.UsedStep = live.attempt, live.kind, live.used
	}
	batch.Steps = append(batch.Steps, step)
	return nil
}

// configOver reports whether a config's state ends its runs, and with which reason.
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
