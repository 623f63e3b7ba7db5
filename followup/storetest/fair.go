package storetest

import (
	"time"

	"github.com/google/uuid"

	"wagate/followup"
)

// noise gives the tenant n assistants, each with a note about several leads.
func (w *world) noise(n, leads int) []followup.AssistantID {
	w.Helper()
	var out []followup.AssistantID
	for range n {
		a := followup.AssistantID(uuid.NewString())
		out = append(out, a)
		for range leads {
			it := w.note("noise")
			it.Assistant = a
			w.settle(w.lead(), it)
		}
	}
	return out
}

// of counts deliveries by a property, such as their tenant or assistant.
func of[K comparable](ds []followup.Delivery, whose func(followup.Delivery) K) map[K]int {
	out := map[K]int{}
	for _, d := range ds {
		out[whose(d)]++
	}
	return out
}

func byTenant(d followup.Delivery) followup.TenantID       { return d.Tenant }
func byAssistant(d followup.Delivery) followup.AssistantID { return d.Assistant }

// fairTests: a backlog delays neither another tenant nor another assistant of the same tenant, and
// no more is claimed of a tenant or an assistant than there is room for.
func fairTests() []test {
	// owners returns which tenant each assistant belongs to.
	owners := func(of map[followup.TenantID][]followup.AssistantID) map[followup.AssistantID]followup.TenantID {
		out := map[followup.AssistantID]followup.TenantID{}
		for t, list := range of {
			for _, a := range list {
				out[a] = t
			}
		}
		return out
	}
	return []test{
		{"a noisy assistant does not crowd out another", func(w *world) {
			w.noise(1, 8)
			w.pass(time.Second)
			quiet := w.noise(1, 1)[0]
			ds, _ := w.claimDeliveries(2, 10)
			w.is(of(ds, byAssistant)[quiet], 1, "deliveries of the quiet assistant among two")
		}},
		{"a tenant with many assistants does not crowd out another", func(w *world) {
			calm := w.tenantNextDoor()
			c := followup.ClaimDeliveries{Limit: 2, MaxEvents: 10, Tenants: owners(map[followup.TenantID][]followup.AssistantID{
				w.tenant: w.noise(6, 3), calm.tenant: calm.noise(1, 3),
			})}
			for i := range 3 {
				ds, next := w.claimOfAll(c)
				w.is(of(ds, byTenant), map[followup.TenantID]int{w.tenant: 1, calm.tenant: 1}, "deliveries by tenant, claim %d", i)
				w.is(next, time.Duration(0), "next, as there is more")
			}
			ds, _ := w.claimOfAll(c)
			w.is(of(ds, byTenant), map[followup.TenantID]int{w.tenant: 2}, "deliveries by tenant when the calm one's are out")
		}},
		{"tenants take turns over claims of one delivery", func(w *world) {
			calm := w.tenantNextDoor()
			c := followup.ClaimDeliveries{Limit: 1, MaxEvents: 10, Tenants: owners(map[followup.TenantID][]followup.AssistantID{
				w.tenant: w.noise(3, 2), calm.tenant: calm.noise(1, 2),
			})}
			var got []followup.Delivery
			for range 4 {
				ds, _ := w.claimOfAll(c)
				got = append(got, ds...)
			}
			w.is(of(got, byTenant), map[followup.TenantID]int{w.tenant: 2, calm.tenant: 2}, "deliveries by tenant")
		}},
		{"a tenant's assistants take turns, whoever else is served", func(w *world) {
			other := w.tenantNextDoor()
			mine := w.noise(3, 3)
			c := followup.ClaimDeliveries{Limit: 2, MaxEvents: 10, Tenants: owners(map[followup.TenantID][]followup.AssistantID{
				w.tenant: mine, other.tenant: other.noise(1, 9),
			})}
			for limit, claims := range map[int]int{1: 2 * len(mine), 2: len(mine)} {
				c.Limit = limit
				var got []followup.Delivery
				for range claims {
					ds, _ := w.claimWith(c)
					got = append(got, ds...)
				}
				served := of(got, byAssistant)
				for _, a := range mine {
					w.is(served[a], 1, "deliveries of an assistant in %d claims of %d", claims, limit)
				}
			}
		}},
		{"a tenant gets no more than its bound", func(w *world) {
			other, full := w.tenantNextDoor(), w.tenantNextDoor()
			c := followup.ClaimDeliveries{Limit: 6, MaxEvents: 10, Tenants: owners(map[followup.TenantID][]followup.AssistantID{
				w.tenant: w.noise(7, 1), other.tenant: other.noise(2, 3), full.tenant: full.noise(1, 2),
			})}
			c.OfTenant = followup.Bound[followup.TenantID]{Each: 3, Left: map[followup.TenantID]int{w.tenant: 1, full.tenant: -1}}
			ds, next := w.claimOfAll(c)
			w.is(of(ds, byTenant), map[followup.TenantID]int{w.tenant: 1, other.tenant: 3}, "deliveries by tenant")
			w.is(next, lease, "next, as only room is missing")
		}},
		{"next is zero when the limit left out what there was room for", func(w *world) {
			other := w.tenantNextDoor()
			c := followup.ClaimDeliveries{Limit: 3, MaxEvents: 10, Tenants: owners(map[followup.TenantID][]followup.AssistantID{
				w.tenant: w.noise(1, 2), other.tenant: other.noise(1, 2),
			})}
			ds, next := w.claimOfAll(c)
			w.is([]any{len(ds), next}, []any{3, time.Duration(0)}, "deliveries and next")
			ds, next = w.claimOfAll(c)
			w.is([]any{len(ds), next}, []any{1, lease}, "deliveries and next, of the rest")
		}},
		{"an assistant gets no more than its bound", func(w *world) {
			list := w.noise(3, 4)
			c := followup.ClaimDeliveries{Limit: 10, MaxEvents: 10}
			c.OfAssistant = followup.Bound[followup.AssistantID]{Each: 2, Left: map[followup.AssistantID]int{list[1]: 1, list[2]: 0}}
			ds, next := w.claimWith(c)
			w.is(of(ds, byAssistant), map[followup.AssistantID]int{list[0]: 2, list[1]: 1}, "deliveries by assistant")
			w.is(next, lease, "next, as only room is missing")
		}},
		{"assistants without a tenant count as one tenant", func(w *world) {
			w.noise(3, 2)
			c := followup.ClaimDeliveries{Limit: 10, MaxEvents: 10, OfTenant: followup.Bound[followup.TenantID]{Each: 2}}
			ds, _ := w.claimWith(c)
			w.is(len(ds), 2, "deliveries")
		}},
		{"a retry at an assistant without room does not count for next", func(w *world) {
			w.settle(w.lead(), w.note("1"))
			w.must(w.finishDelivery(w.delivery(), func(f *followup.FinishDelivery) { f.RetryAt = w.now.Add(time.Second) }), "FinishDelivery")
			c := followup.ClaimDeliveries{Limit: 1, MaxEvents: 1, Tenants: map[followup.AssistantID]followup.TenantID{w.sales: w.tenant}}
			_, next := w.claimWith(c)
			w.is(next, time.Second, "next, with room")
			c.OfAssistant.Left = map[followup.AssistantID]int{w.sales: 0}
			_, next = w.claimWith(c)
			w.is(next, time.Hour, "next, without room for the assistant")
			c.OfAssistant.Left, c.OfTenant.Left = nil, map[followup.TenantID]int{w.tenant: 0}
			_, next = w.claimWith(c)
			w.is(next, time.Hour, "next, without room for the tenant")
		}},
		{"with little room everything is served in the end", func(w *world) {
			other := w.tenantNextDoor()
			c := followup.ClaimDeliveries{Limit: 3, MaxEvents: 1, Tenants: owners(map[followup.TenantID][]followup.AssistantID{
				w.tenant: w.noise(5, 3), other.tenant: other.noise(2, 3),
			})}
			c.OfTenant.Each, c.OfAssistant.Each = 1, 1
			seen := map[followup.LeadID]bool{}
			for range 5 * 3 {
				ds, _ := w.claimOfAll(c)
				for _, d := range ds {
					seen[d.Lead] = true
					w.must(w.finishDelivery(d, delivered), "FinishDelivery")
				}
			}
			w.is(len(seen), 7*3, "conversations served")
		}},
	}
}
