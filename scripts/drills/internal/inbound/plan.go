package inbound

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"wagate/scripts/drills/internal/dice"
)

// event is one message of a lead, or one status.
type event struct {
	lead   *lead
	nth    int    // position among its lead's events; negative: forged
	id     string // of the message
	state  string // of a status; empty for a message
	poison bool   // the assistant rejects it
	opaque string // opaque data in a status; known only when the status is written
}

// key identifies the event.
func (e event) key() string { return eventKey(e.id, e.state) }

func eventKey(id, state string) string { return id + "/" + state }

// form is the format of a provider's webhook.
type form int

// The forms.
const (
	formMeta form = iota
	formV2        // Gupshup's own format, one event
	formV3        // Gupshup's events in Meta's envelope
)

// forgery is the defect of a forged webhook; zero: none.
type forgery int

// The forgeries. A foreign webhook has a good signature, but from an app that has no business with
// the channel; it is acknowledged and dropped.
const (
	genuine      forgery = iota
	unsigned             // no signature or token
	otherSecret          // signed by another app, or with another channel's token
	tampered             // with the signature of another body, or a token cut short
	malformed            // with something else in the place of the signature
	foreign              // the number is bound to another app
	forgeryCount = iota - 1
)

// hook is one webhook.
type hook struct {
	due    time.Duration // since its part began
	tenant *tenant       // whose URL and signature it has; a batch may hold events of other tenants
	form   form
	events []int // numbers of events
	echoes []echo
	forged forgery

	ahead int // number of its leads' lines in which other hooks come first
}

// echo is a needless repetition of a webhook: providers send some.
type echo struct {
	after time.Duration // after the webhook's turn
	form  form
}

// part is a sequence of webhooks with a timetable.
type part struct {
	hooks []*hook // sorted by due
	last  time.Duration
}

// planner plans the parts. All of it follows from the seed.
type planner struct {
	dice.Dice

	tenants  []*tenant
	events   []event
	forged   int
	storming bool // before the storm all events are texts that nobody rejects
}

func newPlanner(seed uint64, tenants []*tenant) *planner {
	return &planner{Dice: dice.New(seed), tenants: tenants}
}

// states are the statuses of a sent message, in order.
var states = []string{"sent", "delivered", "read"}

// Shares, in percent, of everything that is not a single text.
const (
	statusShare = 15
	batchShare  = 6
	v3Share     = 20 // of Gupshup's
	echoShare   = 4
	forgedShare = 5
	poisonShare = 3 // of the picky tenant's texts
)

// maxBatch is the largest number of events in a batch.
const maxBatch = 40

// event plans the next event of a lead.
func (p *planner) event(l *lead) int {
	e := event{lead: l, nth: l.events}
	l.events++
	switch {
	case !p.storming:
		e.id = fmt.Sprintf("wamid.SAID%05d%05d", l.number, e.nth)
	case l.told > 0 && l.told < len(states), e.nth > 0 && p.Chance(statusShare):
		if l.told %= len(states); l.told == 0 {
			l.about = fmt.Sprintf("wamid.SENT%05d%05d", l.number, e.nth)
		}
		e.id, e.state = l.about, states[l.told]
		l.told++
	default:
		e.id = fmt.Sprintf("wamid.SAID%05d%05d", l.number, e.nth)
		e.poison = l.tenant.manner == picky && p.Chance(poisonShare)
	}
	p.events = append(p.events, e)
	return len(p.events) - 1
}

// single plans a webhook with one event of a random lead.
func (p *planner) single(t *tenant, due time.Duration) *hook {
	return p.hook(dice.Pick(p.Dice, t.leads), due)
}

// hook plans a webhook with one event of a lead.
func (p *planner) hook(l *lead, due time.Duration) *hook {
	t := l.tenant
	h := &hook{due: due, tenant: t, events: []int{p.event(l)}}
	if t.app == nil {
		h.form = formV2
		if p.Chance(v3Share) {
			h.form = formV3
		}
	}
	return h
}

// batch plans a webhook with events of several leads, at Meta of several tenants.
func (p *planner) batch(t *tenant, due time.Duration) *hook {
	h := &hook{due: due, tenant: t, form: formV3}
	from := []*tenant{t}
	if t.app != nil {
		h.form = formMeta
		for _, other := range p.tenants {
			if other.app == t.app && other != t {
				from = append(from, other)
			}
		}
	}
	leads := make([]*lead, 1+p.IntN(8))
	for i := range leads {
		leads[i] = dice.Pick(p.Dice, dice.Pick(p.Dice, from).leads)
	}
	for range 2 + p.IntN(maxBatch-1) {
		h.events = append(h.events, p.event(dice.Pick(p.Dice, leads)))
	}
	return h
}

// echoed makes the provider repeat some webhooks without need, at once or later, and Gupshup also
// in its other version.
func (p *planner) echoed(h *hook) *hook {
	if !p.Chance(echoShare) {
		return h
	}
	e := echo{form: h.form}
	if p.Chance(50) {
		e.after = time.Duration(p.IntN(3000)) * time.Millisecond
	}
	if h.tenant.app == nil && len(h.events) == 1 && p.events[h.events[0]].state == "" {
		e.form = formV2 + formV3 - h.form
	}
	h.echoes = append(h.echoes, e)
	return h
}

// forge plans a forged webhook. It says something about a lead, half the time under the id that the
// lead's next message will have.
func (p *planner) forge(t *tenant, due time.Duration) *hook {
	kind := forgery(1 + p.IntN(forgeryCount))
	h := &hook{due: due, tenant: t, forged: kind}
	if t.app == nil {
		h.form = formV2
		if p.Chance(50) {
			h.form = formV3
		}
	}
	l := dice.Pick(p.Dice, t.leads)
	id := fmt.Sprintf("wamid.FORGED%07d", p.forged)
	p.forged++
	if p.Chance(50) {
		id = fmt.Sprintf("wamid.SAID%05d%05d", l.number, l.events)
	}
	p.events = append(p.events, event{lead: l, nth: -1, id: id})
	h.events = []int{len(p.events) - 1}
	return h
}

// warmRate is how many leads per second write for the first time.
const warmRate = 500

// warm plans the first message of every lead, so that the windows measure known leads.
func (p *planner) warm() part {
	var out part
	for _, t := range p.tenants {
		for _, l := range t.leads {
			out.hooks = append(out.hooks, p.hook(l, time.Duration(len(out.hooks))*time.Second/warmRate))
		}
	}
	return out
}

// window plans texts, one per webhook, at a rate per second by manner: an open loop in which
// nothing breaks.
func (p *planner) window(d time.Duration, rates map[manner]int) part {
	out := part{last: d}
	for _, t := range p.tenants {
		for _, due := range p.Spread(int(float64(rates[t.manner])*d.Seconds()), d) {
			out.hooks = append(out.hooks, p.single(t, due))
		}
	}
	out.sort()
	return out
}

// storm plans webhooks of every kind, with tenants weighted by manner.
func (p *planner) storm(n int, d time.Duration, weights map[manner]int) part {
	p.storming = true
	var urn []*tenant
	for _, t := range p.tenants {
		for range weights[t.manner] {
			urn = append(urn, t)
		}
	}
	out := part{last: d}
	for _, due := range p.Spread(n, d) {
		t := dice.Pick(p.Dice, urn)
		if p.Chance(forgedShare) {
			out.hooks = append(out.hooks, p.forge(dice.Pick(p.Dice, p.tenants), due))
		}
		plan := p.single
		if p.Chance(batchShare) {
			plan = p.batch
		}
		out.hooks = append(out.hooks, p.echoed(plan(t, due)))
	}
	out.sort()
	return out
}

// sort sorts the hooks by their time. It is stable: a forged hook stays before the genuine one
// whose id it has.
func (p part) sort() {
	slices.SortStableFunc(p.hooks, func(a, b *hook) int { return cmp.Compare(a.due, b.due) })
}
