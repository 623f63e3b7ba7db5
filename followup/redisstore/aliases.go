package redisstore

import (
	"sync"

	"wagate/followup"
)

// aliases remembers which lead an identity names, so that most webhooks need
// no question to the tenant's slot. A wrong answer is found out by the lead's
// own script, which knows that it moved; then the lead is forgotten here.
type aliases struct {
	mu    sync.Mutex
	leads map[aliasKey]followup.LeadID
}

type aliasKey struct {
	tenant followup.TenantID
	alias  string
}

// maxAliases bounds the memory of the cache, at some 200 bytes each.
const maxAliases = 200_000

// lookup returns the lead if all the identities are known to name one: also, if
// that is not empty, or what it was merged into.
func (a *aliases) lookup(tenant followup.TenantID, names []string, also followup.LeadID) (followup.LeadID, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var lead followup.LeadID
	for _, n := range names {
		l, ok := a.leads[aliasKey{tenant, n}]
		if !ok || (lead != "" && l != lead) {
			return "", false
		}
		lead = l
	}
	if also != "" && also != lead && a.leads[aliasKey{tenant, mergedInto(also)}] != lead {
		return "", false
	}
	return lead, lead != ""
}

// learn keeps whom the identities name, and also.
func (a *aliases) learn(tenant followup.TenantID, names []string, also, lead followup.LeadID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leads == nil || len(a.leads) >= maxAliases {
		a.leads = map[aliasKey]followup.LeadID{}
	}
	for _, n := range names {
		a.leads[aliasKey{tenant, n}] = lead
	}
	if also != "" && also != lead {
		a.leads[aliasKey{tenant, mergedInto(also)}] = lead
	}
}

func (a *aliases) forget(lead followup.LeadID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k, l := range a.leads {
		if l == lead {
			delete(a.leads, k)
		}
	}
}

// aliasNames returns the identities as fields of the alias map.
func aliasNames(who followup.Identity) []string {
	var names []string
	for _, a := range [...]struct{ kind, value string }{
		{"p:", followup.CanonicalPhone(who.Phone)},
		{"u:", who.UserID},
		{"x:", who.ExternalID},
		{"p:", followup.CanonicalPhone(who.OldPhone)},
		{"u:", who.OldUserID},
	} {
		if a.value != "" {
			names = append(names, a.kind+a.value)
		}
	}
	return names
}

// mergedInto is where the cache, and it alone, keeps what became of a lead that
// was named by his id.
func mergedInto(lead followup.LeadID) string { return "l:" + string(lead) }
