package redisstore

import (
	"strings"
	"sync"
	"time"

	"wagate/followup"
)

// aliases remembers which lead an identity names, so that most webhooks need
// no question to the tenant's slot. A wrong answer is found out by the lead's
// own script, which knows that it moved; then the lead is forgotten here.
//
// A phone may go to a stranger, which no script of the lead knows. So it is asked for
// anew from time to time, unless a user id came with it, which stays.
//
// Nobody looks for all that names a lead to forget him: everybody else's webhooks would wait
// for that. What was learned before he was forgotten last is not believed.
type aliases struct {
	mu        sync.Mutex
	leads     map[aliasKey]named
	forgotten map[followup.LeadID]uint32 // how often
}

// named is who an identity names, since when we know, and whether his record was told
// of it: an old phone leads to him, too.
type named struct {
	lead      followup.LeadID
	since     time.Time
	told      bool
	forgotten uint32 // how often he had been then
}

// phoneAge is how long a phone alone is believed. Nobody has it within weeks of another.
const phoneAge = 10 * time.Minute

type aliasKey struct {
	tenant followup.TenantID
	alias  string
}

// maxAliases bounds the memory of the cache, at some 200 bytes each, and of whom it forgot.
const maxAliases = 200_000

// known returns whom an identity names, unless he was forgotten since.
func (a *aliases) known(k aliasKey) (named, bool) {
	n, ok := a.leads[k]
	if !ok || n.forgotten != a.forgotten[n.lead] {
		return named{}, false
	}
	return n, true
}

// lookup returns the lead if all the identities are known to name one: also, if
// that is not empty, or what it was merged into. With tells his record must have been told.
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

// learn keeps whom the identities name, and also; told: as his record has it.
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

// unlearn forgets whom the identities name.
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

// aliasNames returns the identities as fields of the alias map.
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

// phoneKind begins the names of phones.
const phoneKind = "p:"

func isPhone(name string) bool { return strings.HasPrefix(name, phoneKind) }

// mergedInto is where the cache, and it alone, keeps what became of a lead that
// was named by his id.
func mergedInto(lead followup.LeadID) string { return "l:" + string(lead) }
