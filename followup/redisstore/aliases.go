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

// lookup returns the lead if all the identities are known to name one.
func (a *aliases) lookup(tenant followup.TenantID, names []string) (followup.LeadID, bool) {
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
	return lead, lead != ""
}

func (a *aliases) learn(tenant followup.TenantID, names []string, lead followup.LeadID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leads == nil || len(a.leads) >= maxAliases {
		a.leads = map[aliasKey]followup.LeadID{}
	}
	for _, n := range names {
		a.leads[aliasKey{tenant, n}] = lead
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
	if who.Phone != "" {
		names = append(names, "p:"+followup.CanonicalPhone(who.Phone))
	}
	if who.UserID != "" {
		names = append(names, "u:"+who.UserID)
	}
	if who.ExternalID != "" {
		names = append(names, "x:"+who.ExternalID)
	}
	if who.OldPhone != "" {
		names = append(names, "p:"+followup.CanonicalPhone(who.OldPhone))
	}
	if who.OldUserID != "" {
		names = append(names, "u:"+who.OldUserID)
	}
	return names
}
