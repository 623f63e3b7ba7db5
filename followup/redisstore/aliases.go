package redisstore

import (
	"strings"
	"sync"
	"time"

	"wagate/followup"
)

// aliases caches which lead an identity names, so that most webhooks need not ask the tenant's
// slot. A wrong answer is found out by the lead's own script, which knows that the lead moved; the
// caller then forgets the lead here.
//
// A phone may pass to a stranger, and no script of the lead notices that. So a phone is asked for
// anew from time to time, unless something else names the lead, too: a user id stays with its
// owner.
//
// To forget a lead, nobody searches the map for the identities that name it: all other webhooks
// would wait for that search. Instead forgotten counts how often each lead was forgotten, and an
// entry that was learned under a lower count is not believed.
type aliases struct {
	mu        sync.Mutex
	leads     map[aliasKey]named
	forgotten map[followup.LeadID]uint32 // how often each lead was forgotten
}

// named is the lead that an identity names, since when that is known, and whether the lead's record
// has been told of the identity. The last is not a matter of course: an old phone leads to the
// lead, too.
type named struct {
	lead      followup.LeadID
	since     time.Time
	told      bool
	forgotten uint32 // the count in aliases.forgotten when this was learned
}

// phoneAge is how long a phone alone is believed. Nobody gets a phone within weeks of its last
// owner.
const phoneAge = 10 * time.Minute

type aliasKey struct {
	tenant followup.TenantID
	alias  string
}

// maxAliases bounds the entries of the cache, at some 200 bytes each, and the number of forgotten
// leads.
const maxAliases = 200_000

// known returns the entry of an identity, unless its lead was forgotten since.
func (a *aliases) known(k aliasKey) (named, bool) {
	n, ok := a.leads[k]
	if !ok || n.forgotten != a.forgotten[n.lead] {
		return named{}, false
	}
	return n, true
}

// lookup returns the lead if the cache knows that all the identities name the same one. If also is
// not empty, that lead must be also itself, or the lead that also was merged into. If tells is
// true, the lead's record must have been told of every identity.
func (a *aliases) lookup(
	tenant followup.TenantID, names []string, also followup.LeadID, tells bool, now time.Time,
) (followup.LeadID, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var lead followup.LeadID
	sure := also != ""
	for _, n := range names {
		l, ok := a.known(aliasKey{tenant, n})
		if !ok || (lead != "" && l.lead != lead) || tells && !l.told {
			return "", false
		}
		lead = l.lead
		sure = sure || !isPhone(n) || now.Sub(l.since) < phoneAge
	}
	if also != "" && also != lead {
		if into, _ := a.known(aliasKey{tenant, mergedInto(also)}); into.lead != lead {
			return "", false
		}
	}
	return lead, lead != "" && sure
}

// learn notes that the identities name the lead and, if also is another lead, that also was merged
// into it. told says that the lead's record has the identities.
func (a *aliases) learn(
	tenant followup.TenantID, names []string, also, lead followup.LeadID, told bool, now time.Time,
) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leads == nil || len(a.leads) >= maxAliases {
		a.clear()
	}
	is := named{lead: lead, since: now, forgotten: a.forgotten[lead]}
	if also != "" && also != lead {
		a.leads[aliasKey{tenant, mergedInto(also)}] = is
	}
	for _, n := range names {
		before, _ := a.known(aliasKey{tenant, n})
		is.told = told || before.told && before.lead == lead
		a.leads[aliasKey{tenant, n}] = is
	}
}

func (a *aliases) clear() {
	a.leads, a.forgotten = map[aliasKey]named{}, map[followup.LeadID]uint32{}
}

// unlearn forgets which lead each of the identities names.
func (a *aliases) unlearn(tenant followup.TenantID, names []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range names {
		delete(a.leads, aliasKey{tenant, n})
	}
}

func (a *aliases) forget(lead followup.LeadID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.forgotten == nil || len(a.forgotten) >= maxAliases {
		a.clear()
	}
	a.forgotten[lead]++
}

// aliasNames returns the identities as names of fields in the alias map.
func aliasNames(who followup.Identity) []string {
	var names []string
	for _, a := range [...]struct{ kind, value string }{
		{phoneKind, followup.CanonicalPhone(who.Phone)},
		{"u:", who.UserID},
		{"x:", who.ExternalID},
		{phoneKind, followup.CanonicalPhone(who.OldPhone)},
		{"u:", who.OldUserID},
	} {
		if a.value != "" {
			names = append(names, a.kind+a.value)
		}
	}
	return names
}

// phoneKind is the prefix of a phone's name.
const phoneKind = "p:"

func isPhone(name string) bool { return strings.HasPrefix(name, phoneKind) }

// mergedInto is the name under which the cache, and only the cache, keeps the lead that a lead
// named by its id has become.
func mergedInto(lead followup.LeadID) string { return "l:" + string(lead) }
