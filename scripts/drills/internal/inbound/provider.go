package inbound

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"wagate/followup/poll"
	"wagate/scripts/drills/internal/fleet"
)

// atOnce is how many webhooks of a tenant are posted at the same time.
const atOnce = 64

// connections is how many idle connections are kept to each replica.
const connections = 256

// provider posts webhooks by their timetable, and those of one lead one after the other: a
// webhook's turn comes when the one before is acknowledged.
type provider struct {
	ledger *ledger
	graph  *graph
	fleet  *fleet.Fleet
	client fleet.Client
	slots  map[*tenant]chan struct{}

	mu      sync.Mutex // guards the lines of all leads
	running sync.WaitGroup
}

func newProvider(l *ledger, g *graph, f *fleet.Fleet, tenants []*tenant) *provider {
	p := &provider{ledger: l, graph: g, fleet: f, client: fleet.NewClient(connections), slots: map[*tenant]chan struct{}{}}
	for _, t := range tenants {
		p.slots[t] = make(chan struct{}, atOnce)
	}
	return p
}

// play posts a part and returns once all of it was due. Use wait to wait until all of it is
// acknowledged.
func (p *provider) play(ctx context.Context, part part, began time.Time) error {
	for _, h := range part.hooks {
		if err := fleet.SleepUntil(ctx, began.Add(h.due)); err != nil {
			return err
		}
		if h.forged != genuine {
			p.running.Go(func() { p.forge(ctx, h) })
			continue
		}
		p.enqueue(ctx, h)
	}
	return fleet.SleepUntil(ctx, began.Add(part.last))
}

func (p *provider) wait() { p.running.Wait() }

// leads returns the leads of a hook, each once.
func (p *provider) leads(h *hook) []*lead {
	var all []*lead
	seen := map[*lead]bool{}
	for _, n := range h.events {
		if l := p.ledger.events[n].lead; !seen[l] {
			seen[l] = true
			all = append(all, l)
		}
	}
	return all
}

// enqueue adds a hook to the lines of its leads. Hooks are enqueued one at a time, so no two can
// wait for each other.
func (p *provider) enqueue(ctx context.Context, h *hook) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.leads(h) {
		if len(l.line) > 0 {
			h.ahead++
		}
		l.line = append(l.line, h)
	}
	if h.ahead == 0 {
		p.running.Go(func() { p.send(ctx, h) })
	}
}

// next removes a finished hook from the lines and starts the hooks whose turn has come.
func (p *provider) next(ctx context.Context, h *hook) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.leads(h) {
		l.line = l.line[1:]
		if len(l.line) == 0 {
			continue
		}
		first := l.line[0]
		if first.ahead--; first.ahead == 0 {
			p.running.Go(func() { p.send(ctx, first) })
		}
	}
}

// told returns the events of a hook, with the opaque data of its statuses.
func (p *provider) told(h *hook) []event {
	list := make([]event, len(h.events))
	for i, n := range h.events {
		list[i] = p.ledger.events[n]
		if list[i].state != "" {
			list[i].opaque = p.graph.carried(list[i].id)
		}
	}
	return list
}

// send posts a hook until it is acknowledged, and its echoes. If the hook is a message's first
// status, send makes the assistant send the message before.
func (p *provider) send(ctx context.Context, h *hook) {
	if e := p.ledger.events[h.events[0]]; e.lead.tenant.replies() && e.state == states[0] {
		p.reply(ctx, e)
	}
	now := time.Now()
	p.ledger.post(h.events)
	for _, e := range h.echoes {
		p.running.Go(func() {
			if poll.Sleep(ctx, e.after) == nil {
				p.ledger.echoes.Add(1)
				p.insist(ctx, h, write(h, e.form, p.told(h), now))
			}
		})
	}
	if p.insist(ctx, h, write(h, h.form, p.told(h), now)) {
		p.next(ctx, h)
	}
}

// insist posts a request until it is answered 200. It returns false if ctx ended first.
func (p *provider) insist(ctx context.Context, h *hook, r fleet.Request) bool {
	for try := 0; ; try++ {
		if try > 0 {
			p.ledger.repeats.Add(1)
		}
		switch status := p.post(ctx, h, r); status {
		case http.StatusOK:
			p.ledger.acknowledge(h.events)
			return true
		case 0:
			p.ledger.unanswered.Add(1)
		case http.StatusServiceUnavailable:
			p.ledger.busy.Add(1)
		default:
			p.ledger.otherAnswers.Add(1)
		}
		if poll.Sleep(ctx, fleet.RetryDelay(try)) != nil {
			return false
		}
	}
}

// post posts a request to one of the replicas, which may be down, and returns the status; 0: no
// answer.
func (p *provider) post(ctx context.Context, h *hook, r fleet.Request) int {
	slot := p.slots[h.tenant]
	select {
	case slot <- struct{}{}:
		defer func() { <-slot }()
	case <-ctx.Done():
		return 0
	}
	p.ledger.posts.Add(1)
	to := p.fleet.Any()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) {
		select {
		case to.Wrote <- struct{}{}:
		default:
		}
	}})
	status, _ := p.client.Ask(ctx, to, r)
	return status
}

// forge posts a forged webhook until it is answered 200 or 401, at most ten times.
func (p *provider) forge(ctx context.Context, h *hook) {
	r := write(h, h.form, p.told(h), time.Now())
	for try := range 10 {
		status := p.post(ctx, h, r)
		switch {
		case status == http.StatusOK && h.forged == foreign:
			p.ledger.forgedDropped.Add(1)
			return
		case status == http.StatusOK:
			p.ledger.forgedTaken.Add(1)
			return
		case status == http.StatusUnauthorized:
			p.ledger.forgedRefused.Add(1)
			return
		}
		if poll.Sleep(ctx, fleet.RetryDelay(try)) != nil {
			return
		}
	}
	p.ledger.forgedUnanswered.Add(1)
}
