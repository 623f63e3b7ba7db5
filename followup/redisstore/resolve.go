package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
)

var (
	resolveScript = load("resolve")
	nameScript    = loadOfLead("name")
	realiasScript = load("realias")
)

// maxRounds bounds how often Resolve looks at the identities: each of them may lead to a lead of
// its own, and other callers may merge the same leads meanwhile.
const maxRounds = 16

// Resolve implements followup.LeadStore. It goes in rounds. Each round asks the alias map where the
// identities lead, and then either finishes, or does one thing that stands in the way, such as a
// merge, before the next round.
//
// A merge touches two slots and so takes several steps, each of which may be repeated. The
// identities are pointed to the winner only when the winner has all that the loser had. So whoever
// meets a half-done merge still finds the loser by them, and repeats the merge.
func (s *Store) Resolve(
	ctx context.Context, tenant followup.TenantID, who followup.Identity, create bool, now time.Time,
) (followup.LeadID, error) {
	names := aliasNames(who)
	if len(names) == 0 && who.Lead == "" {
		return "", followup.ErrNotFound
	}
	// One identity that is only looked for tells the record nothing.
	tells := create || len(names) > 1 || len(names) > 0 && who.Lead != ""
	if lead, ok := s.aliases.lookup(tenant, names, who.Lead, tells, s.now()); ok && !who.Sole {
		return lead, nil
	}
	holds := newHolders(who)
	also := who.Lead
	for range maxRounds {
		r, err := s.askAliases(ctx, tenant, names, also, holds, create, now)
		if err != nil {
			return "", err
		}
		switch r.text(0) {
		case "none":
			return "", followup.ErrNotFound
		case "unlisted":
			heir, err := s.heir(ctx, also)
			if err != nil {
				return "", err
			}
			if heir == also {
				return "", followup.ErrNotFound
			}
			also = heir // of an erased lead the heir is not listed either, which ends the next round
		case "taken":
			s.aliases.unlearn(tenant, names) // so that the next question for them is not answered by the cache
			return "", followup.ErrConflict
		case "ok":
			lead := followup.LeadID(r.text(1))
			done, err := s.finishResolve(ctx, tenant, lead, who, tells, now)
			if err != nil {
				return "", err
			}
			if done {
				return lead, nil
			}
		case "doubt":
			if who, err = s.judge(ctx, holds, r, also, who); err != nil {
				return "", err
			}
			names = aliasNames(who)
		case "conflict":
			if err := s.merge(ctx, tenant, followup.LeadID(r.text(1)), followup.LeadID(r.text(2)), now); err != nil {
				return "", fmt.Errorf("merge leads: %w", err)
			}
		default:
			return "", errReply
		}
	}
	return "", fmt.Errorf("resolve: %w", followup.ErrConflict)
}

// askAliases asks the alias map once which lead the identities lead to; also is the lead that they
// are known to be of, or "". It returns the reply of lua/resolve.lua.
func (s *Store) askAliases(
	ctx context.Context, tenant followup.TenantID, names []string, also followup.LeadID, holds *holders, create bool,
	now time.Time,
) (reply, error) {
	fresh := followup.LeadID("")
	if create {
		fresh = followup.NewLeadID() // a new one each time: the last may have been erased before it had a record
	}
	args := []any{string(fresh), string(also), ms(now), marshal(holds)}
	for _, n := range names {
		args = append(args, n)
	}
	v, err := s.runDurable(ctx, resolveScript, []string{aliasesKey(tenant), leadsKey(tenant)}, args...)
	if err != nil {
		return nil, fmt.Errorf("resolve: %w", err)
	}
	l, _ := v.([]any)
	return l, nil
}

// finishResolve is what is left to do once all identities lead to one lead: the lead's record learns
// the identities, what came for the contact before is imported, and the cache learns whose the
// identities are. done is false if something else had to be finished or imported first: the
// identities must be looked at again.
func (s *Store) finishResolve(
	ctx context.Context, tenant followup.TenantID, lead followup.LeadID, who followup.Identity, tells bool, now time.Time,
) (done bool, err error) {
	whole, lacks, err := s.acquaint(ctx, tenant, lead, who, tells, now)
	if !whole || err != nil {
		return false, err
	}
	if done, err = s.adopt(ctx, tenant, lead, aliasNames(who), now); !done || err != nil {
		return false, err
	}
	// Remember neither the old identities nor a phone that the record has not taken: when they come
	// again, they may tell the record something new.
	is := who
	is.OldPhone, is.OldUserID = "", ""
	if lacks {
		is.Phone = ""
	}
	s.aliases.learn(tenant, aliasNames(is), who.Lead, lead, tells, s.now())
	return true, nil
}

// acquaint has the lead's record learn the identities, if tells says that they can tell it
// something. lacks says that the record has no phone afterwards. If a crash left a merge or an
// erasure of the lead half done, acquaint finishes that, and whole is false: the identities must
// be looked at again.
func (s *Store) acquaint(
	ctx context.Context, tenant followup.TenantID, lead followup.LeadID, who followup.Identity, tells bool, now time.Time,
) (whole, lacks bool, err error) {
	if tells {
		lacks, err := s.name(ctx, tenant, lead, who, now)
		if !errors.Is(err, followup.ErrLeadMoved) {
			return err == nil, lacks, err
		}
	}
	moved, err := s.unfinished(ctx, tenant, lead, now)
	return err == nil && !moved, false, err
}

// unfinished finishes a merge or an erasure that a crash left half done, if there was one: the lead
// is a tombstone then, although identities still name it. It reports whether there was one.
func (s *Store) unfinished(
	ctx context.Context, tenant followup.TenantID, lead followup.LeadID, now time.Time,
) (bool, error) {
	heir, err := s.heir(ctx, lead)
	switch {
	case err != nil:
		return false, err
	case heir == lead:
		return false, nil
	case heir == erased:
		return true, s.forget(ctx, tenant, lead, now)
	}
	if err := s.merge(ctx, tenant, heir, lead, now); err != nil {
		return false, fmt.Errorf("merge leads: %w", err)
	}
	return true, nil
}

// name writes the identities into the lead's record. lacks says that the record has no phone
// afterwards.
func (s *Store) name(
	ctx context.Context, tenant followup.TenantID, lead followup.LeadID, who followup.Identity, now time.Time,
) (lacks bool, err error) {
	r, err := s.call(ctx, s.run, nameScript, scope{lead: lead, tenant: tenant, now: now, real: s.now()},
		marshal(map[string]string{"ph": who.Phone, "ui": who.UserID, "xi": who.ExternalID}))
	if err != nil {
		return false, fmt.Errorf("name lead: %w", err)
	}
	return r.text(0) == "", nil
}

// realias points all identities of one lead to another ("": to nobody). fields is the lead's hash.
func (s *Store) realias(
	ctx context.Context, tenant followup.TenantID, from, to followup.LeadID, fields map[string]string,
) error {
	names, err := s.aliasesOf(ctx, tenant, from, fields)
	if err != nil {
		return err
	}
	return s.pointNames(ctx, tenant, from, to, names)
}

// pointNames points those of the identities that lead to from to another lead ("": to nobody), and
// takes from off the tenant's list of leads.
func (s *Store) pointNames(ctx context.Context, tenant followup.TenantID, from, to followup.LeadID, names []string) error {
	args := []any{string(from), string(to)}
	for _, n := range names {
		args = append(args, n)
	}
	if _, err := s.run(ctx, realiasScript, []string{aliasesKey(tenant), leadsKey(tenant)}, args...); err != nil {
		return fmt.Errorf("point identities: %w", err)
	}
	s.aliases.forget(from)
	return nil
}

// aliasesOf returns every identity that names the lead: those of its record, and earlier ones,
// which only the alias map knows.
func (s *Store) aliasesOf(
	ctx context.Context, tenant followup.TenantID, lead followup.LeadID, fields map[string]string,
) ([]string, error) {
	names := aliasNames(followup.Identity{Phone: fields["ph"], UserID: fields["ui"], ExternalID: fields["xi"]})
	others, err := s.namesOf(ctx, tenant, lead)
	return distinct(append(names, others[lead]...)), err
}

// namesOf returns, for each of the leads, the identities that lead to it. It reads the tenant's
// whole alias map.
func (s *Store) namesOf(
	ctx context.Context, tenant followup.TenantID, leads ...followup.LeadID,
) (map[followup.LeadID][]string, error) {
	names := map[followup.LeadID][]string{}
	iter := s.db.HScan(ctx, aliasesKey(tenant), 0, "", 1000).Iterator()
	for iter.Next(ctx) {
		name := iter.Val()
		if !iter.Next(ctx) {
			break
		}
		if lead := followup.LeadID(iter.Val()); slices.Contains(leads, lead) {
			names[lead] = append(names[lead], name)
		}
	}
	if err := iter.Err(); err != nil {
		return nil, fmt.Errorf("read identities: %w", err)
	}
	return names, nil
}

// fullScope returns a scope with every assistant and channel that the lead ever had to do with, and
// the fields of the lead's hash.
func (s *Store) fullScope(
	ctx context.Context, tenant followup.TenantID, lead followup.LeadID, now time.Time,
) (scope, map[string]string, error) {
	fields, err := s.db.HGetAll(ctx, s.tag(lead).lead(lead)).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return scope{}, nil, fmt.Errorf("read lead: %w", err)
	}
	sc := scope{lead: lead, tenant: tenant, now: now, real: s.now()}
	for f := range fields {
		kind, id, _ := strings.Cut(f, ":")
		switch kind {
		case "qa":
			sc.assistants = append(sc.assistants, followup.AssistantID(id))
		case "w", "wu", "wr":
			sc.channels = append(sc.channels, followup.ChannelID(id))
		}
	}
	for n := range strings.FieldsSeq(fields["lv"]) {
		num, _ := strconv.Atoi(n)
		if run, _, err := parseRun(lead, num, tenant, packedOf(fields, n)); err == nil {
			sc.assistants = append(sc.assistants, run.Assistant)
		}
	}
	sc.assistants, sc.channels = distinct(sc.assistants), distinct(sc.channels)
	return sc, fields, nil
}
