package timers

import (
	"reflect"
	"testing"
	"time"

	"wagate/scripts/drills/internal/dice"
)

// TestPlan: the seed must decide the whole plan, every lead must get its status during the storm,
// and there must be enough of everything.
func TestPlan(t *testing.T) {
	t.Parallel()
	plan := func(seed uint64) ([]*lead, []blow) {
		d := dice.New(seed)
		leads := newLeads(d, newTenants(true), full)
		return leads, append(append(blowsOfWagate(d, 50, full.rage), blowsOfSingle(d, full.single, full.rage)...),
			blowsOfCluster(d, full.cluster, full.rage)...)
	}
	leads, blows := plan(7)
	again, same := plan(7)
	if !reflect.DeepEqual(leads, again) || !reflect.DeepEqual(blows, same) {
		t.Error("same seed: got another plan, want the same")
	}
	if other, _ := plan(8); reflect.DeepEqual(leads, other) {
		t.Error("another seed: got the same plan, want another")
	}
	deeds, cues, tenants, never, closing := map[what]int{}, map[cue]int{}, map[string]int{}, 0, 0
	for i, l := range leads {
		if l.at < 0 || l.at >= full.storm || i > 0 && l.at < leads[i-1].at {
			t.Fatalf("lead %d: got its status at %s, want it in order and during the storm", i, l.at)
		}
		tenants[l.tenant.name]++
		if l.ago < 0 {
			never++
		}
		if !l.writes && l.ago > 20*time.Hour {
			closing++
		}
		for _, a := range l.acts {
			deeds[a.what]++
			cues[a.cue]++
			if a.cue == atAnyTime && a.wait < 2*early {
				t.Errorf("lead %d: got an act %s after its trigger, want it later", i, a.wait)
			}
		}
	}
	if !reflect.DeepEqual(tenants, full.leads) {
		t.Errorf("tenants: got %v, want %v", tenants, full.leads)
	}
	for _, w := range []what{replied, optedOut, left, restarted, cancelled} {
		if deeds[w] < 300 {
			t.Errorf("%s: got %d, want at least 300", w, deeds[w])
		}
	}
	for _, c := range []cue{atAnyTime, asked, given, atProvider, beingTold} {
		if cues[c] < 500 {
			t.Errorf("cue %q: got %d, want at least 500", c, cues[c])
		}
	}
	if never < 500 || closing < 2000 {
		t.Errorf("got %d leads that never wrote and %d whose window is about to close, want at least 500 and 2000", never, closing)
	}
}

// TestToss: what the account is told about an answer must fit the fault that the provider is given.
func TestToss(t *testing.T) {
	t.Parallel()
	seen := map[answer]int{}
	accepted := map[bool]int{}
	for die := range 1000 {
		for _, text := range []bool{false, true} {
			o := toss(die, text)
			seen[o.answer]++
			switch {
			case (o.answer == taken) != (o.fault == nil):
				t.Fatalf("die %d: got %+v, want a fault unless it is taken", die, o)
			case o.answer == windowClosed && !text:
				t.Errorf("die %d: got a closed window for a template, want it for texts only", die)
			case o.fault != nil && o.fault.Accept && o.answer != unknown:
				t.Errorf("die %d: got %+v, want unknown, because the message is sent", die, o)
			case o.answer == unknown:
				accepted[o.fault.Accept]++
			}
		}
	}
	for _, a := range []answer{taken, notNow, refused, windowClosed, unknown} {
		if seen[a] == 0 {
			t.Errorf("%q: got none, want some", a)
		}
	}
	if accepted[true] < 30 || accepted[false] < 30 {
		t.Errorf("unknown: got %v by whether it was sent, want at least 30 of either", accepted)
	}
}

// TestSpeed: at every speed of domain time, a message must arrive before the shortest wait of a
// step is over.
func TestSpeed(t *testing.T) {
	t.Parallel()
	for s, want := range map[speed]struct{ reach, least, length time.Duration }{
		900: {1900 * time.Millisecond, 2 * time.Second, 5 * time.Second},
		300: {5700 * time.Millisecond, 6 * time.Second, 15 * time.Second},
	} {
		ladder := []rung{ai("PT30M", 30*time.Minute), ai("PT45M", 45*time.Minute)}
		if got := s.reach(); got != want.reach {
			t.Errorf("speed %d: reach: got %s, want %s", s, got, want.reach)
		}
		if got := s.real(30 * time.Minute); got != want.least {
			t.Errorf("speed %d: half an hour: got %s, want %s", s, got, want.least)
		}
		if got := s.length(ladder); got != want.length {
			t.Errorf("speed %d: ladder: got %s, want %s", s, got, want.length)
		}
		at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
		c := clock{speed: s, domain0: at, real0: zero}
		if got := c.real(at.Add(30 * time.Minute)).Sub(zero); got != want.least {
			t.Errorf("speed %d: half an hour by the clock: got %s, want %s", s, got, want.least)
		}
	}
}
