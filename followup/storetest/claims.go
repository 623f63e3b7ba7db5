package storetest

import (
	"encoding/json"
	"slices"
	"time"

	"wagate/followup"
)

// sameJSON compares a JSON text with a value, whatever the order of keys.
func (w *world) sameJSON(got json.RawMessage, want any) {
	w.Helper()
	var g, x any
	w.must(json.Unmarshal(got, &g), "unmarshal")
	b, err := json.Marshal(want)
	w.must(err, "marshal")
	w.must(json.Unmarshal(b, &x), "unmarshal")
	w.is(g, x, "JSON")
}

// claimTests: claims are due, fair and bounded, and bring the facts to decide on.
func claimTests() []test {
	return []test{
		{"a step is due at exactly its time", func(w *world) {
			run := w.start(w.lead())
			w.pass(interval - time.Millisecond)
			w.is(len(w.claims()), 0, "claims 1 ms before")
			w.pass(time.Millisecond)
			w.is(w.claim().Run.ID, run, "run")
		}},
		{"a claim brings the run, the lead and its windows", func(w *world) {
			lead := w.lead()
			opened := w.now
			w.settle(lead, w.opening())
			run := w.start(lead)
			c := w.due()
			r := c.Run
			w.is(r.ID, run, "run")
			w.is(r.Tenant, w.tenant, "tenant")
			w.is(r.Lead, lead, "lead of the run")
			w.is(r.Config, w.config, "config")
			w.is(r.Assistant, w.sales, "assistant")
			w.is(r.Channel, w.main, "channel")
			w.is(r.Ladder, followup.LadderHash("ladder"), "ladder")
			w.is(r.State, followup.RunClaimed, "state")
			w.is(r.Interval, interval, "interval")
			w.at(r.DueAt, w.now, "due")
			w.is(len(r.Timeline), 0, "moments of the timeline")
			w.is(c.Lead, w.get(lead), "lead")
			w.at(c.Lead.Windows[w.main].LastInbound, opened, "window")
			w.is(c.Paused, false, "Paused")
		}},
		{"within a tenant the least late step comes first", func(w *world) {
			var want []followup.RunID
			for range 4 {
				want = append(want, w.start(w.lead()))
				w.pass(time.Second)
			}
			slices.Reverse(want)
			w.pass(interval)
			var got []followup.RunID
			for range 2 {
				for _, c := range w.batch(2).Steps {
					if c.Run.Tenant == w.tenant {
						got = append(got, c.Run.ID)
					}
				}
			}
			w.is(got, want, "order")
		}},
		{"each of many tenants with a backlog has its turn", func(w *world) {
			const tenants, limit = 70, 10
			for range tenants {
				x := w.tenantNextDoor()
				for range 2 {
					x.start(x.lead())
				}
				w.pass(time.Millisecond)
			}
			w.pass(interval)
			served := map[followup.TenantID]int{}
			for range tenants / limit {
				for _, c := range w.batch(limit).Steps {
					served[c.Run.Tenant]++
				}
			}
			w.is(len(served), tenants, "tenants served")
		}},
		{"a noisy tenant does not crowd out another", func(w *world) {
			quiet := w.tenantNextDoor()
			for quiet.tenant < w.tenant { // the first tenant in turn would be served anyway
				quiet = w.tenantNextDoor()
			}
			quiet.start(quiet.lead()) // and so would the tenant whose step is the least late
			w.pass(time.Second)
			for range 8 {
				w.start(w.lead())
			}
			w.pass(interval)
			got := w.batch(2).Steps
			w.is(len(got), 2, "steps of a batch of 2")
			w.is(slices.ContainsFunc(got, func(c followup.Claimed) bool { return c.Run.Tenant == quiet.tenant }), true,
				"the quiet tenant's step is among them")
		}},
		{"tenants take turns over several claims", func(w *world) {
			tenants := []*world{w, w.tenantNextDoor(), w.tenantNextDoor()}
			for _, x := range tenants {
				for range 9 {
					x.start(x.lead())
				}
			}
			w.pass(interval)
			for limit := range 3 {
				served := map[followup.TenantID]int{}
				for range 3 {
					for _, c := range w.batch(limit + 1).Steps {
						served[c.Run.Tenant]++
					}
				}
				for _, x := range tenants {
					w.is(served[x.tenant], limit+1, "steps of a tenant by three claims of %d", limit+1)
				}
			}
		}},
		{"a tenant's bound holds back its own steps only", func(w *world) {
			next := w.tenantNextDoor()
			for range 4 {
				w.start(w.lead())
			}
			next.start(next.lead())
			w.pass(interval)
			claim := func(inHand int) map[followup.TenantID]int {
				b, err := w.s.Claim(w.ctx, followup.ClaimParams{
					Now: w.now, Real: w.now, Limit: 10, Lease: lease,
					PerTenant: 3, InHand: map[followup.TenantID]int{w.tenant: inHand},
				})
				w.must(err, "Claim")
				got := map[followup.TenantID]int{}
				for _, c := range b.Steps {
					got[c.Run.Tenant]++
				}
				return got
			}
			w.is(claim(1), map[followup.TenantID]int{w.tenant: 2, next.tenant: 1}, "with one in hand")
			w.is(claim(3), map[followup.TenantID]int{}, "with all in hand")
			w.is(claim(0), map[followup.TenantID]int{w.tenant: 2}, "with none in hand")
		}},
		{"a step whose lease ran out comes first", func(w *world) {
			first := w.start(w.lead())
			w.due()
			late := w.start(w.lead())
			w.pass(interval)
			w.is(w.batch(1).Steps[0].Run.ID, first, "first")
			w.is(w.batch(1).Steps[0].Run.ID, late, "second")
		}},
		{"Next is zero when the limit cut the batch short", func(w *world) {
			for range 3 {
				w.start(w.lead())
			}
			w.pass(interval)
			b := w.batch(2)
			w.is(len(b.Steps), 2, "steps")
			w.is(b.Next, time.Duration(0), "Next")
		}},
		{"Next is the time until the next step is due", func(w *world) {
			w.is(w.batch(100).Next, time.Hour, "Next of an empty store")
			w.start(w.lead())
			w.pass(10 * time.Minute)
			w.is(w.batch(100).Next, interval-10*time.Minute, "Next")
			arm := w.arm()
			arm.Interval = 5 * time.Minute
			w.startWith(w.lead(), arm)
			w.is(w.batch(100).Next, 5*time.Minute, "Next with an earlier one")
		}},
		{"Next is the time until the lead's other step, behind the one that is claimed", func(w *world) {
			lead, other := w.lead(), w.arm()
			other.Assistant, other.Channel, other.Interval = w.support, w.other, interval+time.Minute
			w.start(lead)
			w.startWith(lead, other)
			w.pass(interval)
			b := w.batch(100)
			w.is(len(b.Steps), 1, "steps")
			w.is(b.Next, time.Minute, "Next")
		}},
		{"Next is at most an hour", func(w *world) {
			arm := w.arm()
			arm.Interval = 48 * time.Hour
			w.startWith(w.lead(), arm)
			w.is(w.batch(100).Next, time.Hour, "Next")
		}},
		{"Again is the time until a lease ends", func(w *world) {
			w.start(w.lead())
			w.pass(interval)
			w.is(w.batch(100).Again, lease, "Again of the claim itself")
			w.pass(lease / 2)
			w.is(w.batch(100).Again, lease/2, "Again")
		}},
		{"a step is due by domain time, a lease ends by real time", func(w *world) {
			w.start(w.lead())
			w.pass(interval)
			real := w.now.Add(-1000 * time.Hour)
			claim := func() followup.Batch {
				b, err := w.s.Claim(w.ctx, followup.ClaimParams{Now: w.now, Real: real, Limit: 10, Lease: lease})
				w.must(err, "Claim")
				return b
			}
			b := claim()
			w.is([]time.Duration{b.Next, b.Again}, []time.Duration{time.Hour, lease}, "Next and Again of the claim itself")
			w.start(w.lead())
			w.pass(interval / 3)
			real = real.Add(time.Second)
			b = claim()
			w.is([]time.Duration{b.Next, b.Again}, []time.Duration{interval - interval/3, lease - time.Second}, "Next and Again")
			w.is(b.Wait(1000), b.Next/1000, "wait at a speed of 1000")
			w.is(b.Wait(0.001), b.Again, "wait at a speed of 1/1000")
			real = real.Add(lease)
			w.is(len(claim().Steps), 1, "steps once its lease is over, whatever domain time says")
		}},
		{"an ended run is never claimed", func(w *world) {
			run := w.start(w.lead())
			_, err := w.s.Cancel(w.ctx, w.tenant, run, w.now, w.now)
			w.must(err, "Cancel")
			w.pass(interval)
			w.is(len(w.claims()), 0, "claims")
		}},
	}
}
