package redisstore

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

// peekLater is how many assistants of a partition dueAssistants reads to find when the next queue
// may be tried. It reads more by the number of assistants that may have no room.
const peekLater = 16

// waitingQueue is a queue that may be tried at the instant of the claim.
type waitingQueue struct {
	t         tag
	lead      followup.LeadID
	assistant followup.AssistantID
	since     float64 // since when it may be tried, in milliseconds
}

// part is a partition in which an assistant has queues that may be tried.
type part struct {
	t     tag
	since float64 // since when the first of them may be tried, in milliseconds
}

// place is an assistant's place in the order of a claim.
type place struct {
	tenant    followup.TenantID
	assistant followup.AssistantID
	parts     []part
	share     int            // how many of its queues the claim looks at
	queues    []waitingQueue // these queues, longest waiting first
	more      bool           // it has more queues than its share
}

// dueAssistants returns the assistants that have queues to be tried and for which the claim has
// room, with the partitions of these queues. It also returns how long until another such queue may
// be tried; that is soon if a node did not answer.
func (s *Store) dueAssistants(
	ctx context.Context, c followup.ClaimDeliveries,
) (map[followup.AssistantID][]part, time.Duration, error) {
	type read struct{ due, later *redis.ZSliceCmd }
	reads := make([]read, s.partitions)
	real := strconv.FormatInt(ms(c.Real), 10)
	room := func(a followup.AssistantID) bool {
		return c.OfAssistant.Of(a) > 0 && c.OfTenant.Of(c.Tenants[a]) > 0
	}
	most := peekLater + len(c.OfAssistant.Left)
	without, err := s.pipeNodes(ctx, s.all(), func(p redis.Pipeliner, i int) {
		index := tagOf(i).relayIndex()
		reads[i] = read{
			p.ZRangeByScoreWithScores(ctx, index, &redis.ZRangeBy{Min: "-inf", Max: real}),
			p.ZRangeByScoreWithScores(ctx, index, &redis.ZRangeBy{Min: "(" + real, Max: "+inf", Count: int64(most)}),
		}
	})
	if err != nil {
		return nil, 0, err
	}
	due := map[followup.AssistantID][]part{}
	next := maxNext
	if len(without) > 0 {
		next = heldBack
	}
	for i, r := range reads {
		if without[i] {
			continue
		}
		for _, z := range r.due.Val() {
			if a := followup.AssistantID(member(z)); room(a) {
				due[a] = append(due[a], part{tagOf(i), z.Score})
			}
		}
		for j, z := range r.later.Val() {
			// If none of the assistants that were read has room, one behind the last may have.
			if room(followup.AssistantID(member(z))) || j == most-1 {
				next = min(next, until(z.Score, c.Real))
				break
			}
		}
	}
	return due, next, nil
}

// until returns the time from at to score, an instant in milliseconds.
func until(score float64, at time.Time) time.Duration {
	return time.Duration(int64(score)-ms(at)) * time.Millisecond
}

// pick chooses up to c.Limit queues: the tenants take turns, and so do the assistants of a tenant,
// each turn beginning where the last claim stopped. Of an assistant's queues the one that waits
// longest goes first. It also returns how long until the next queue may be tried, at most next;
// zero if there are more queues to be tried at once.
func (s *Store) pick(
	ctx context.Context, c followup.ClaimDeliveries, due map[followup.AssistantID][]part, next time.Duration,
) ([]waitingQueue, time.Duration, error) {
	places, more := s.places(c, due)
	soonest, err := s.waiting(ctx, c.Real, places)
	if err != nil {
		return nil, 0, err
	}
	lines := map[followup.TenantID][][]waitingQueue{}
	var order []followup.TenantID // in the order of their first places
	for _, p := range places {
		if lines[p.tenant] == nil {
			order = append(order, p.tenant)
		}
		lines[p.tenant] = append(lines[p.tenant], p.queues)
	}
	tenants := make([][]waitingQueue, len(order))
	full := map[followup.TenantID]bool{}
	for i, t := range order {
		room := c.OfTenant.Of(t)
		tenants[i], _ = roundRobin(lines[t], room)
		full[t] = len(tenants[i]) == room
	}
	for _, p := range places {
		// Queues that a tenant's or an assistant's bound holds back do not count: there is no room for them.
		more = more || p.more && !full[p.tenant] && p.share < c.OfAssistant.Of(p.assistant)
	}
	picked, cut := roundRobin(tenants, c.Limit)
	for _, q := range picked {
		s.turns.set(c.Tenants[q.assistant], q.assistant)
	}
	if more || cut {
		next = 0
	}
	return picked, min(next, soonest), nil
}

// places returns the assistants whose queues the claim looks at, in the order in which they are
// served, each with its share of the claim. The bool is true if there are more assistants than the
// claim can hold.
func (s *Store) places(c followup.ClaimDeliveries, due map[followup.AssistantID][]part) ([]place, bool) {
	of := map[followup.TenantID][]followup.AssistantID{}
	for a := range due {
		of[c.Tenants[a]] = append(of[c.Tenants[a]], a)
	}
	tenants := behind(slices.Sorted(maps.Keys(of)), s.turns.tenant())
	lines := make([][]place, len(tenants))
	for i, t := range tenants {
		slices.Sort(of[t])
		quota := min(share(c.Limit, len(tenants)), c.OfTenant.Of(t))
		for _, a := range behind(of[t], s.turns.assistant(t)) {
			if len(lines[i]) == c.OfTenant.Of(t) {
				break
			}
			lines[i] = append(lines[i], place{
				tenant: t, assistant: a, parts: due[a],
				share: min(share(quota, len(of[t])), c.OfAssistant.Of(a)),
			})
		}
	}
	return roundRobin(lines, c.Limit)
}

// share returns what each of among gets of n, rounded up.
func share(n, among int) int { return (n + among - 1) / among }

// waiting sets the queues of each place: as many as its share of those that may be tried, longest
// waiting first. It returns how long until the next queue may be tried, among those that it read.
func (s *Store) waiting(ctx context.Context, real time.Time, places []place) (time.Duration, error) {
	reads := make([][]*redis.ZSliceCmd, len(places))
	if err := s.pipe(ctx, func(p redis.Pipeliner) {
		for i := range places {
			of := &places[i]
			// The oldest queues, as many as its share, lie in as many partitions at most.
			slices.SortFunc(of.parts, func(a, b part) int { return cmp.Compare(a.since, b.since) })
			of.more = len(of.parts) > of.share
			of.parts = of.parts[:min(len(of.parts), of.share)]
			for _, at := range of.parts {
				// One more than the share, which says whether there is more, or when.
				reads[i] = append(reads[i], p.ZRangeWithScores(ctx, at.t.relayDue(of.assistant), 0, int64(of.share)))
			}
		}
	}); err != nil {
		return 0, err
	}
	next := maxNext
	for i := range places {
		of := &places[i]
		for j, at := range of.parts {
			for _, z := range reads[i][j].Val() {
				if wait := until(z.Score, real); wait > 0 {
					next = min(next, wait)
					break
				}
				of.queues = append(of.queues, waitingQueue{at.t, followup.LeadID(member(z)), of.assistant, z.Score})
			}
		}
		slices.SortFunc(of.queues, func(a, b waitingQueue) int {
			return cmp.Or(cmp.Compare(a.since, b.since), cmp.Compare(a.lead, b.lead))
		})
		if len(of.queues) > of.share {
			of.more, of.queues = true, of.queues[:of.share]
		}
	}
	return next, nil
}

// roundRobin takes the first item of each list, then the second of each, and so on, at most most in
// all. more says that items are left.
func roundRobin[T any](lists [][]T, most int) (out []T, more bool) {
	for n := 0; ; n++ {
		before := len(out)
		for _, l := range lists {
			if n >= len(l) {
				continue
			}
			if len(out) >= most {
				return out, true
			}
			out = append(out, l[n])
		}
		if len(out) == before {
			return out, false
		}
	}
}
