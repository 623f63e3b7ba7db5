package inbound

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"wagate/providers"
	"wagate/providers/cloudapi"
	"wagate/providers/gupshup"
	"wagate/providers/meta"
	"wagate/scripts/drills/internal/fleet"
)

// hooks returns all hooks of a plan in the order in which they are due.
func (p plan) hooks() []*hook {
	all := slices.Clone(p.warm.hooks)
	for _, w := range p.windows {
		all = append(all, w.hooks...)
	}
	return append(all, p.storm.hooks...)
}

// TestPlan: each lead's events must be due in their order, a forged hook with the id of a genuine
// one must come before it, and there must be some of everything.
func TestPlan(t *testing.T) {
	t.Parallel()
	p := newPlan(1, short, false)
	next := map[*lead]int{}
	said := map[string]bool{}
	seen := map[string]int{}
	count := 0
	for _, h := range p.hooks() {
		seen[fmt.Sprint("form ", h.form)]++
		seen[fmt.Sprint("forgery ", h.forged)]++
		seen[fmt.Sprint("tenant ", h.tenant.name)]++
		if h.forged != genuine {
			if e := p.events[h.events[0]]; said[e.id] {
				t.Fatalf("forged %s: got it after the genuine one, want it before", e.id)
			}
			continue
		}
		count++
		tenants := map[*tenant]bool{}
		for _, n := range h.events {
			e := p.events[n]
			tenants[e.lead.tenant] = true
			said[e.id] = true
			if e.nth != next[e.lead] {
				t.Fatalf("lead %d: got event %d, want %d next", e.lead.number, e.nth, next[e.lead])
			}
			next[e.lead]++
			if e.lead.tenant.app != h.tenant.app {
				t.Fatalf("got an event of %s in a hook of %s, want the same app", e.lead.tenant.name, h.tenant.name)
			}
			seen["state "+e.state]++
			seen[fmt.Sprint("poison ", e.poison)]++
		}
		seen[fmt.Sprint("tenants ", min(len(tenants), 2))]++
		seen[fmt.Sprint("batch ", len(h.events) > 1)]++
		for _, e := range h.echoes {
			seen[fmt.Sprint("echo in the same form ", e.form == h.form, ", at once ", e.after == 0)]++
		}
	}
	if count != short.webhooks {
		t.Errorf("genuine hooks: got %d, want %d", count, short.webhooks)
	}
	for _, want := range []string{
		"form 0", "form 1", "form 2", "forgery 1", "forgery 2", "forgery 3", "forgery 4", "forgery 5",
		"tenant calm", "tenant quiet", "tenant flood", "tenant slow", "tenant failing", "tenant picky", "tenant raw",
		"state ", "state sent", "state delivered", "state read", "poison true", "tenants 2", "batch true",
		"echo in the same form true, at once true", "echo in the same form true, at once false",
		"echo in the same form false, at once true", "echo in the same form false, at once false",
	} {
		if seen[want] == 0 {
			t.Errorf("got no %s", want)
		}
	}
}

// TestPlanBySeed: equal seeds must give equal plans, and different seeds different ones.
func TestPlanBySeed(t *testing.T) {
	t.Parallel()
	one, again, other := newPlan(7, tiny, true), newPlan(7, tiny, true), newPlan(8, tiny, true)
	if !reflect.DeepEqual(one.blows, again.blows) || !reflect.DeepEqual(one.hooks(), again.hooks()) {
		t.Error("same seed: got another plan, want the same")
	}
	if reflect.DeepEqual(one.blows, other.blows) || reflect.DeepEqual(one.hooks(), other.hooks()) {
		t.Error("another seed: got the same plan, want another")
	}
}

// TestBlows: there must be as many blows of each kind as were asked for, in order, and none near
// the end of the storm.
func TestBlows(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		p := newPlanner(seed, nil)
		want := full.cluster
		list := p.blows(want, 2, time.Minute, time.Second)
		var got blows
		for i, b := range list {
			switch b.what {
			case killWagate:
				got.wagate += len(b.replicas)
			case killRedis:
				got.redis++
			case killAll:
				got.redis++
				got.wagate += 2
			case freezeWagate:
				got.frozenWagate++
			case freezeRedis:
				got.frozenRedis++
			case flush:
				got.flushes++
			case moveSlot:
				got.slots++
			}
			if b.at > 54*time.Second || i > 0 && b.at < list[i-1].at {
				t.Errorf("seed %d: got a blow at %s, want them in order and before the end", seed, b.at)
			}
		}
		if got != want {
			t.Errorf("seed %d: got %v, want %v", seed, got, want)
		}
	}
}

// TestInCluster: in a Cluster, each blow to Redis must name the slot, or the master of the slot,
// that it hits. The first master, and half of all masters, must die with writes that their replicas
// have not received.
func TestInCluster(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		var deaf, masters, moved int
		for _, b := range newPlan(seed, full, true).blows {
			switch b.what {
			case killRedis, killAll:
				if masters == 0 && b.deaf == 0 {
					t.Errorf("seed %d: first master: got a replica that received everything, want one that did not", seed)
				}
				masters++
				deaf += one(b.deaf > 0)
			case moveSlot:
				moved++
			case freezeRedis:
			case killWagate, freezeWagate, flush:
				if b.slot != "" {
					t.Errorf("seed %d: got slot %s for %s, want none", seed, b.slot, b.what)
				}
				continue
			}
			if b.slot == "" {
				t.Errorf("seed %d: got no slot for %s", seed, b.what)
			}
		}
		if want := full.cluster; masters != want.redis || deaf*2 != masters || moved != want.slots {
			t.Errorf("seed %d: got %d masters, %d of them without their replica, and %d slots, want half of the masters without", seed, masters, deaf, moved)
		}
	}
}

// TestWrite: in every form, a genuine webhook must verify and hold the planned events. A forged one
// must not verify, or must belong to another app.
func TestWrite(t *testing.T) {
	t.Parallel()
	p := newPlan(3, tiny, false)
	for _, h := range p.hooks() {
		for _, f := range append([]form{h.form}, formsOf(h.echoes)...) {
			var list []event
			for _, n := range h.events {
				list = append(list, p.events[n])
			}
			r := write(h, f, list, time.Unix(1_790_000_000, 0))
			got, verified := decode(t, h, r)
			if want := h.forged == genuine || h.forged == foreign; verified != want {
				t.Fatalf("forgery %d: got verified %v, want %v", h.forged, verified, want)
			}
			var want []string
			for _, n := range h.events {
				want = append(want, p.events[n].key())
			}
			if h.forged != foreign && !slices.Equal(got, want) {
				t.Fatalf("form %d: got %v, want %v\n%s", f, got, want, r.Body)
			}
			if h.forged == foreign && h.tenant.app != nil && r.Path == h.tenant.path() {
				t.Fatalf("foreign: got the tenant's own path %s, want another app's", r.Path)
			}
		}
	}
}

// formsOf returns the forms of echoes.
func formsOf(list []echo) []form {
	var all []form
	for _, e := range list {
		all = append(all, e.form)
	}
	return all
}

// decode decodes a request as wagate does. It returns the keys of its events, and whether it
// verified.
func decode(t *testing.T, h *hook, r fleet.Request) (keys []string, verified bool) {
	t.Helper()
	if h.tenant.app != nil {
		secret := mainApp.secret
		if r.Path == "/webhooks/meta/"+secondApp.key {
			secret = secondApp.secret
		}
		in, err := cloudapi.Decode(r.Body, cloudapi.Options{})
		if err != nil || in.Skipped > 0 {
			t.Fatalf("decode: got %v, %d skipped, want no error and 0: %s", err, in.Skipped, r.Body)
		}
		for _, e := range in.Events {
			keys = append(keys, keyOf(e.MessageID, e.Status))
		}
		return keys, meta.VerifySignature([]string{secret}, r.Header.Get(meta.SignatureHeader), r.Body)
	}
	in, err := gupshup.Decode(r.Body, gupshup.Options{})
	if err != nil || in.Skipped > 0 {
		t.Fatalf("decode: got %v, %d skipped, want no error and 0: %s", err, in.Skipped, r.Body)
	}
	if in.From(h.tenant.appID(), h.tenant.appName()) == (h.forged == foreign) {
		t.Fatalf("forgery %d: got app %q %q, want the tenant's unless foreign", h.forged, in.App, in.AppID)
	}
	for _, e := range in.Events {
		keys = append(keys, keyOf(e.MessageID, e.Status))
	}
	return keys, r.Header.Get("X-Callback-Token") == h.tenant.token()
}

func keyOf(id string, s *providers.Status) string {
	if s != nil {
		return eventKey(s.MessageID, string(s.State))
	}
	return eventKey(id, "")
}
