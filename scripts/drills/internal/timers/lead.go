package timers

import (
	"fmt"
	"sync"
	"time"

	"wagate/scripts/drills/internal/dice"
)

// lead is a lead and what it will do.
type lead struct {
	number  int
	tenant  *tenant
	channel int
	phone   string
	at      time.Duration // when it gets its status, since the storm began
	writes  bool          // it writes first, and so becomes a lead
	ago     time.Duration // if it does not: how long ago it last wrote, in domain time; negative: never
	acts    []act

	id   string // id at wagate
	book book   // guarded by the journal

	mu     sync.Mutex
	waits  cue
	waitOn int           // the step of the cue
	heard  chan struct{} // closed when the cue comes
}

func phone(n int) string { return fmt.Sprintf("1555%07d", n) }

// act is what a lead does, and when.
type act struct {
	what what
	cue  cue
	step int           // the step of the cue
	wait time.Duration // after the cue
}

// cue is what a lead waits for.
type cue string

// The cues.
const (
	atAnyTime  cue = ""            // needs no cue
	asked      cue = "asked"       // the model was asked for the text
	given      cue = "given"       // the model is about to give it
	atProvider cue = "at provider" // the provider has read the message
	beingTold  cue = "being told"  // the provider is about to answer
)

// await sets the cue that the lead waits for, and returns a channel that is closed when the cue
// comes.
func (l *lead) await(c cue, step int) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waits, l.waitOn, l.heard = c, step, make(chan struct{})
	return l.heard
}

// hears gives the lead a cue and reports whether the lead waited for it.
func (l *lead) hears(c cue, step int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.heard == nil || l.waits != c || l.waitOn != step {
		return false
	}
	close(l.heard)
	l.heard = nil
	return true
}

// waitsFor reports whether the lead waits for the cue.
func (l *lead) waitsFor(c cue, step int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard != nil && l.waits == c && l.waitOn == step
}

// Shares, in percent.
const (
	silentShare = 45
	writesShare = 15 // of leads who write first
	neverShare  = 5  // of the others: who never wrote
	soonShare   = 30 // of the rest: whose window closes while they are followed up
)

// newLeads plans the leads of all tenants, sorted by the time at which they get their status.
func newLeads(d dice.Dice, tenants []*tenant, s sizes) []*lead {
	var all []*lead
	for _, t := range tenants {
		for range s.leads[t.name] {
			all = append(all, &lead{tenant: t})
		}
	}
	d.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i, at := range d.Spread(len(all), s.storm) {
		l := all[i]
		l.number, l.phone, l.at, l.channel = i, phone(i), at, d.IntN(l.tenant.channels)
		l.book.name, l.book.speed, l.book.ladder = fmt.Sprint(i), s.speed, l.tenant.ladder
		switch {
		case d.Chance(writesShare):
			l.writes = true
		case d.Chance(neverShare):
			l.ago = -1
		case d.Chance(soonShare):
			l.ago = 24*time.Hour - d.Within(0, 4*time.Hour)
		default:
			l.ago = d.Within(0, 12*time.Hour)
		}
		l.acts = newActs(d, s.speed.length(l.tenant.ladder))
	}
	return all
}

func newActs(d dice.Dice, ladder time.Duration) []act {
	if d.Chance(silentShare) {
		return nil
	}
	first := dice.Pick(d, []what{replied, replied, replied, replied, replied, replied, optedOut, left, restarted, cancelled})
	acts := []act{{what: first, wait: d.Within(time.Second, max(2*time.Second, min(ladder, 15*time.Second)))}}
	a := &acts[0]
	if d.Chance(60) {
		a.cue, a.step = dice.Pick(d, []cue{asked, given, given, atProvider, beingTold}), 1+d.IntN(2)
		a.wait = d.Within(0, 20*time.Millisecond)
		if a.cue == asked {
			a.wait = d.Within(0, 200*time.Millisecond)
		}
	}
	if first == replied && d.Chance(30) {
		acts = append(acts, act{what: restarted, wait: d.Within(3*time.Second, 6*time.Second)})
	}
	return acts
}
