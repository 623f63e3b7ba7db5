package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"wagate/followup"
	"wagate/followup/rescue"
	"wagate/gateway/internal/webhook"
	"wagate/providers"
)

// parallel bounds how many leads of one body are worked on at once. The store sends concurrent
// calls to Redis together.
const parallel = 64

// take resolves and settles routed events. It returns nil once all of them are settled. Trouble
// with one lead does not keep the others from being settled.
func (in *Ingest) take(ctx context.Context, provider providers.Name, list []*arrival) error {
	list = in.wanted(provider, list)
	if len(list) == 0 {
		return nil
	}
	now := in.p.Now()
	failed := in.each(byContact(list), func(group []*arrival) error { return in.resolveAll(ctx, group, now) })
	failed = cmp.Or(failed, in.noteTemplates(ctx, list), in.each(byLead(list), func(group []*arrival) error {
		return in.settle(ctx, provider, group, maxMoves)
	}))
	if failed != nil {
		return fmt.Errorf("%w: %s: %w", webhook.ErrUnavailable, provider, failed)
	}
	return nil
}

// errPanic reports that work on a group panicked; the log has the panic.
var errPanic = errors.New("ingest: internal error")

// each calls do for every group and returns the first error once all calls have returned. A panic
// becomes an error of its group: nothing else recovers it on its own goroutine, and the provider
// would crash the process again with each repetition of the body.
func (in *Ingest) each(groups [][]*arrival, do func([]*arrival) error) error {
	safe := func(group []*arrival) (err error) {
		if !rescue.Call(in.log, "ingest panicked", func() { err = do(group) }) {
			return errPanic
		}
		return err
	}
	if len(groups) == 1 { // the usual case
		return safe(groups[0])
	}
	var all errgroup.Group
	all.SetLimit(parallel)
	for _, g := range groups {
		all.Go(func() error { return safe(g) })
	}
	return all.Wait()
}

// resolveAll finds the leads of events that share contacts, in the order told. If that yields more
// than one lead, it resolves the events once more: a later event may have merged the leads, and
// then the earlier events must be settled to the merged lead, so that order is kept.
func (in *Ingest) resolveAll(ctx context.Context, group []*arrival, now time.Time) error {
	for _, again := range []bool{false, true} {
		for i, a := range group {
			if err := in.resolve(ctx, a, again, now); err != nil {
				// The events from here on wait for the repetition, so that order is kept. So do
				// earlier events of assistants that want raw webhooks: the repetition would deliver
				// them again together with the others.
				for j, other := range group {
					other.skip = j >= i || in.p.Raw[other.channel.Assistant]
				}
				return err
			}
		}
		if len(byLead(group)) == 1 {
			break
		}
	}
	return nil
}

// wanted drops events that are not taken in: history imports that the assistant has not asked for,
// and what the provider says to us alone.
func (in *Ingest) wanted(provider providers.Name, list []*arrival) []*arrival {
	rest := make([]*arrival, 0, len(list))
	for _, a := range list {
		switch kind := a.event.Kind; {
		case kind == providers.KindHistory && !in.p.History[a.channel.Assistant]:
			in.drop(provider, dropHistory, 1)
		case kind == providers.KindPlatform:
			in.drop(provider, dropPlatform, 1)
		default:
			rest = append(rest, a)
		}
	}
	return rest
}

// byContact groups arrivals that share a phone, a user id or a group's conversation, directly or
// through other arrivals. The identities within such a group have to be resolved in the order told.
func byContact(list []*arrival) [][]*arrival {
	if len(list) == 1 {
		return [][]*arrival{list}
	}
	parent := make([]int, len(list))
	var root func(int) int
	root = func(i int) int {
		if parent[i] != i {
			parent[i] = root(parent[i])
		}
		return parent[i]
	}
	type name struct {
		tenant followup.TenantID
		id     string
	}
	first := map[name]int{}
	for i, a := range list {
		parent[i] = i
		now, before, shared := a.event.Contact, a.event.Previous, ""
		if a.event.Group != "" {
			shared = string(followup.GroupLead(a.channel.ID, a.event.Group))
		}
		for _, id := range []string{
			followup.CanonicalPhone(now.Phone), now.UserID, followup.CanonicalPhone(before.Phone), before.UserID, shared,
		} {
			if id == "" {
				continue
			}
			n := name{a.channel.Tenant, id}
			if j, ok := first[n]; ok {
				parent[root(i)] = root(j)
			} else {
				first[n] = i
			}
		}
	}
	return group(list, func(i int) int { return root(i) })
}

// byLead groups the arrivals by lead, in order. It leaves out those whose lead could not be found:
// the failed one and those that wait with it (skip), and those that a panic left without a lead.
func byLead(list []*arrival) [][]*arrival {
	known := make([]*arrival, 0, len(list))
	for _, a := range list {
		if !a.skip && a.lead != "" {
			known = append(known, a)
		}
	}
	type owner struct {
		tenant followup.TenantID
		lead   followup.LeadID
	}
	return group(known, func(i int) owner { return owner{known[i].channel.Tenant, known[i].lead} })
}

// group puts arrivals with the same key together. The groups are in the order of their first
// arrivals.
func group[K comparable](list []*arrival, key func(int) K) [][]*arrival {
	if len(list) == 1 {
		return [][]*arrival{list}
	}
	index := map[K]int{}
	var groups [][]*arrival
	for i, a := range list {
		k := key(i)
		g, ok := index[k]
		if !ok {
			g = len(groups)
			index[k] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], a)
	}
	return groups
}

// maxMoves bounds how often settling looks again for a lead that has moved.
const maxMoves = 3

// settle settles the events of one lead, in as many parts as it takes. If a part cannot be settled,
// the parts behind it wait with it, so that order is kept. left is how often a lead that has moved
// may still be looked for again.
func (in *Ingest) settle(ctx context.Context, provider providers.Name, list []*arrival, left int) error {
	for _, part := range parts(list) {
		if err := in.settlePart(ctx, provider, part, left); err != nil {
			return err
		}
	}
	return nil
}

// parts cuts the events of one lead into settlements. A settlement holds at most followup.MaxItems
// items, and events of one contact only, because a window is open to the contact who wrote.
func parts(list []*arrival) [][]*arrival {
	var all [][]*arrival
	var who providers.Contact
	from, n := 0, 0
	for i, a := range list {
		items, is := 1+len(a.parked), providers.Contact{}
		if !a.standIn {
			is = contactOf(a.event)
		}
		if n += items; i > from && (n > followup.MaxItems || contradict(who, is)) {
			all = append(all, list[from:i])
			from, n, who = i, items, providers.Contact{}
		}
		who = mergeContacts(who, is)
	}
	return append(all, list[from:])
}

// mergeContacts returns one contact from the ways in which two events name it. The store fills in
// what its record lacks, and the newest name is the one to fill in.
func mergeContacts(a, b providers.Contact) providers.Contact {
	return providers.Contact{
		Phone: cmp.Or(a.Phone, b.Phone), UserID: cmp.Or(a.UserID, b.UserID), Name: cmp.Or(b.Name, a.Name),
	}
}

// contradict reports whether two contacts cannot be taken for one: their phones or user ids differ,
// or they have no kind of identity in common that would show them to be one.
func contradict(a, b providers.Contact) bool {
	phones, users := a.Phone != "" && b.Phone != "", a.UserID != "" && b.UserID != ""
	apart := !phones && !users && a.Phone+a.UserID != "" && b.Phone+b.UserID != ""
	return apart || phones && !followup.SamePhone(a.Phone, b.Phone) || users && a.UserID != b.UserID
}

// settlePart settles some events of one lead. If the lead has moved meanwhile, or if a status named
// a lead that is not the tenant's, it resolves the events again and settles them.
func (in *Ingest) settlePart(ctx context.Context, provider providers.Name, list []*arrival, left int) error {
	s, items := in.settlement(list)
	settled, err := in.p.Store.Settle(ctx, s)
	moved := errors.Is(err, followup.ErrLeadMoved) || errors.Is(err, followup.ErrNotFound)
	switch {
	case moved && left > 0:
		for _, a := range list {
			if err := in.resolve(ctx, a, true, s.Now); err != nil {
				return err
			}
		}
		for _, group := range byLead(list) {
			if err := in.settle(ctx, provider, group, left-1); err != nil {
				return err
			}
		}
		return nil
	case errors.Is(err, followup.ErrBacklog):
		in.metrics.refused.WithLabelValues(string(provider)).Add(float64(len(list)))
		return fmt.Errorf("settle lead: %w", err)
	case err != nil:
		return fmt.Errorf("settle lead: %w", err)
	}
	in.settled(ctx, provider, s, settled, items)
	return nil
}

// settlement returns the settlement of one lead's events, and for each of its items the event that
// the item came from: nil for a parked receipt.
func (in *Ingest) settlement(list []*arrival) (followup.Settlement, []*arrival) {
	in.attachRaw(list)
	first := list[0]
	s := followup.Settlement{
		Tenant: first.channel.Tenant, Lead: first.lead, Account: first.standIn,
		Now: in.p.Now(), Real: in.p.Real(),
	}
	s.Items = make([]followup.Item, 0, len(list))
	from := make([]*arrival, 0, len(list))
	for _, a := range list {
		if !a.standIn {
			s.Contact = mergeContacts(s.Contact, contactOf(a.event))
			for _, p := range a.parked {
				s.Items, from = append(s.Items, parkedItem(a, p)), append(from, nil)
			}
		}
		s.Items, from = append(s.Items, in.item(a, s.Now)), append(from, a)
	}
	return s, from
}

// settled counts what a settlement did and calls the hooks that concern it.
func (in *Ingest) settled(
	ctx context.Context, provider providers.Name, s followup.Settlement, done followup.Settled, items []*arrival,
) {
	for i, a := range items {
		if a == nil || a.copy {
			continue
		}
		in.metrics.events.WithLabelValues(string(provider), string(a.event.Kind)).Inc()
		if i < len(done.Fresh) && !done.Fresh[i] {
			in.metrics.duplicates.WithLabelValues(string(provider)).Inc()
		}
	}
	in.p.Steps.Ended(done.Ended)
	if done.Due && in.p.RelayWake != nil {
		in.p.RelayWake()
	}
	if len(done.Rearm) > 0 && in.p.Rearm != nil {
		in.p.Rearm(ctx, s.Tenant, s.Lead, done.Rearm)
	}
}
