package redisstore

import (
	"context"
	"errors"
	flags "flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// To play more crowds by hand: go test -run Crowd ./followup/redisstore -crowds 1000.
var (
	crowds     = flags.Uint64("crowds", 3, "how many crowds are played")
	firstCrowd = flags.Uint64("crowd", 1, "seed of the first")
)

// TestI2CrowdAroundOnePerson has six processes that may die before any script. Under all of one
// person's names, they take in whatever can come of the person, send follow-ups and answers, and
// deliver to the assistant. In the end the person must be one lead, everything must have happened
// once, and nothing may be lost.
func TestI2CrowdAroundOnePerson(t *testing.T) {
	t.Parallel()
	for name, client := range onServers {
		t.Run(name, func(t *testing.T) {
			connect := client(t)
			for seed := *firstCrowd; seed < *firstCrowd+*crowds; seed++ {
				a := newCrowd().play(t, connect, seed, false)
				a.wantOne(a.settleDown())
				if t.Failed() {
					t.Fatalf("crowd %d", seed)
				}
			}
		})
	}
}

// TestI11CrowdAroundAnErasedPerson does the same while the person is erased now and then, and once
// more at the end. Then Redis must hold nothing about the person under any name.
func TestI11CrowdAroundAnErasedPerson(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	connect := func() redis.UniversalClient { return server.Client() }
	for seed := *firstCrowd; seed < *firstCrowd+*crowds; seed++ {
		a := newCrowd().play(t, connect, seed, true)
		a.eraseAll()
		a.wantNobody()
		if t.Failed() {
			t.Fatalf("crowd %d", seed)
		}
	}
}

// told notes in the account that events have arrived. err is what FinishDelivery returned for them.
func (a *actor) told(events []followup.RelayEvent, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, text := range textsOf(events) {
		h := a.events[text]
		switch {
		case h == nil:
			a.t.Errorf("delivered: got %q, want only what was said", text)
		case err == nil:
			h.surely++
		case !passing(err) && !errors.Is(err, errCrash):
			h.maybe++
		}
	}
}

// textsOf returns the texts of the messages among the events.
func textsOf(events []followup.RelayEvent) []string {
	var out []string
	for _, e := range events {
		if e.Field == "messages" {
			out = append(out, strings.Fields(textsIn(followup.Delivery{Events: []followup.RelayEvent{e}}))...)
		}
	}
	return out
}

// settleDown finishes whatever is left, tells the store that all the names are one person's, and
// returns the person's lead.
func (a *actor) settleDown() followup.LeadID {
	ctx := context.Background()
	var lead followup.LeadID
	for range 2 { // the second round finds the same lead under every name
		for i := range crowdUsers {
			who := followup.Identity{Phone: crowdPhones[i%2], UserID: crowdUsers[i], ExternalID: crowdIDs[i%2]}
			var err error
			if lead, err = a.s.Resolve(ctx, a.tenant, who, true, epoch); err != nil {
				a.t.Fatalf("Resolve: got %v, want no error", err)
			}
		}
	}
	late := epoch
	for range 4 {
		late = late.Add(2 * time.Hour)
		b, err := a.s.Claim(ctx, followup.ClaimParams{Now: epoch.Add(time.Hour), Real: late, Limit: 100, Lease: time.Hour})
		if err != nil {
			a.t.Fatal(err)
		}
		for _, c := range b.Steps {
			if !c.Crashed {
				_, err = a.s.endRun(ctx, a.tenant, c.Run.ID, endRequest{Reason: followup.ByAPI}, epoch, late)
			} else {
				f := sent(c, c.Attempt)
				f.Outcome, f.Reason, f.Text = followup.Uncertain, followup.Crash, ""
				_, err = a.s.FinishStep(ctx, f)
			}
			if err != nil && !passing(err) {
				a.t.Errorf("finishing the steps left: got %v, want no error", err)
			}
		}
	}
	for more := true; more; {
		late = late.Add(2 * time.Hour)
		out, _, err := a.s.ClaimDeliveries(ctx, followup.ClaimDeliveries{Real: late, Limit: 100, MaxEvents: 100, Lease: time.Minute})
		if err != nil {
			a.t.Fatal(err)
		}
		more = len(out) > 0
		for _, d := range out {
			err := a.s.FinishDelivery(ctx, followup.FinishDelivery{Delivery: d, Delivered: true, Real: late})
			a.told(d.Events, err)
		}
	}
	letters, _, err := a.s.DeadLetters(ctx, a.tenant, 1000, 0)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, l := range letters {
		d, err := a.s.DeadLetter(ctx, l.ID)
		if err != nil {
			a.t.Fatal(err)
		}
		if d.Lead != lead && !d.Lead.StandIn() {
			a.t.Errorf("dead letter: got one of lead %s, want the person's lead or a stand-in", d.Lead)
		}
		a.told(d.Events, nil)
	}
	return lead
}

// wantOne checks the account of a person who was never erased.
func (a *actor) wantOne(lead followup.LeadID) {
	ctx := context.Background()
	list, n, err := a.s.Leads(ctx, a.tenant, followup.LeadFilter{Limit: 9})
	if err != nil || n != 1 || len(list) != 1 || list[0].ID != lead {
		a.t.Fatalf("leads: got %v, %d, %v, want %s alone", list, n, err, lead)
	}
	for name, of := range a.s.db.HGetAll(ctx, aliasesKey(a.tenant)).Val() {
		if of != string(lead) {
			a.t.Errorf("identity %s: got lead %s, want %s", name, of, lead)
		}
	}
	for _, text := range slices.Sorted(maps.Keys(a.events)) {
		if h := a.events[text]; h.surely > 1 || h.surely+h.maybe < 1 {
			a.t.Errorf("event %s: got it delivered %d times, and maybe %d more, want once", text, h.surely, h.maybe)
		}
	}
	for step, n := range a.sends {
		if n > 1 {
			a.t.Errorf("step %s: got it sent %d times, want at most once", step, n)
		}
	}
	l := list[0]
	for channel, at := range a.newest {
		if got := l.Windows[channel]; !got.LastInbound.Equal(at) || got.Refused {
			a.t.Errorf("window: got %+v, want it open from %v", got, at)
		}
	}
	if l.OptedOut != a.out {
		a.t.Errorf("opted out: got %t, want %t, the last word on it", l.OptedOut, a.out)
	}
	for run := range a.runs {
		r, err := a.s.Run(ctx, a.tenant, run)
		if err != nil || r.State != followup.RunEnded {
			a.t.Errorf("run %s: got %s, %v, want it ended", run, r.State, err)
		}
		steps := map[int]bool{}
		for _, m := range r.Timeline {
			if steps[m.Step] || m.Outcome == "" {
				a.t.Errorf("run %s, step %d: got outcome %q, want one outcome and one entry per step", run, m.Step, m.Outcome)
			}
			steps[m.Step] = true
			was := a.sends[fmt.Sprint(run, " ", m.Step-1)] > 0
			if told := m.Outcome == followup.Sent || m.Outcome == followup.Uncertain; was && !told {
				a.t.Errorf("run %s, step %d: got outcome %q, want sent or uncertain, as it was sent", run, m.Step, m.Outcome)
			}
		}
	}
	a.wantNoIndexes()
	checkBacklog(a.t, a.s)
	checkStepIndex(a.t, a.s)
}

// wantNoIndexes checks that no step and no queue is indexed, as none is due.
func (a *actor) wantNoIndexes() {
	ctx := context.Background()
	for p := range testPartitions {
		tag := tagOf(p)
		for _, key := range []string{tag.stepsDue(a.tenant), tag.stepsLeases(), tag.relayDue(a.assistant)} {
			if left := a.s.db.ZRange(ctx, key, 0, -1).Val(); len(left) > 0 {
				a.t.Errorf("%s: got %v left, want nothing", key, left)
			}
		}
	}
}

// eraseAll erases every lead that is left, by every name.
func (a *actor) eraseAll() {
	ctx := context.Background()
	for _, who := range a.everyName() {
		// Resolve creates the lead, as what waits under a stand-in is erased with the lead.
		lead, err := a.s.Resolve(ctx, a.tenant, who, true, epoch)
		if err == nil {
			err = a.s.EraseLead(ctx, a.tenant, lead, epoch)
		}
		if err != nil {
			a.t.Errorf("erase %v: got %v, want no error", who, err)
		}
	}
	for erased := range a.askedFor { // a caller whose erasure failed asks again
		if err := a.s.EraseLead(ctx, a.tenant, erased, epoch); err != nil && !errors.Is(err, followup.ErrNotFound) {
			a.t.Errorf("EraseLead again: got %v, want none or ErrNotFound", err)
		}
	}
}

// everyName returns every identity of the person, one by one.
func (a *actor) everyName() []followup.Identity {
	var all []followup.Identity
	for _, v := range crowdPhones {
		all = append(all, followup.Identity{Phone: v})
	}
	for _, v := range crowdUsers {
		all = append(all, followup.Identity{UserID: v})
	}
	for _, v := range crowdIDs {
		all = append(all, followup.Identity{ExternalID: v})
	}
	return all
}

// wantNobody checks that nothing in all of Redis tells of the person.
func (a *actor) wantNobody() {
	text, err := dump(context.Background(), a.s.db)
	if err != nil {
		a.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		for _, secret := range append(slices.Concat(crowdPhones, crowdUsers, crowdIDs), "secret-", crowdName) {
			if strings.Contains(line, secret) {
				a.t.Errorf("left of the erased person: got %s, want nothing", line)
				break
			}
		}
	}
	checkBacklog(a.t, a.s)
	checkStepIndex(a.t, a.s)
}
