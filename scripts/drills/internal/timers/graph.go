package timers

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wagate/followup/poll"
	"wagate/providers/providertest"
)

// graph is the simulated provider. It notes every call before it answers.
type graph struct {
	*providertest.Graph

	journal  *journal
	luck     *luck
	api      *api
	stubborn bool // answers some leads "not now" so often that wagate puts the step off

	ctx      context.Context //nolint:containedctx // of the receipts, which outlive the calls
	posting  sync.WaitGroup
	underWay atomic.Int64 // receipts under way; calls may add receipts while somebody waits for zero
}

func startGraph(ctx context.Context, j *journal, l *luck, tenants []*tenant, stubborn bool) (*graph, error) {
	g := &graph{journal: j, luck: l, ctx: ctx, stubborn: stubborn}
	var err error
	g.Graph, err = providertest.NewGraph(providertest.GraphParams{
		WABA: account, Numbers: numbers(tenants), AppSecret: appSecret,
		Templates: []providertest.GraphTemplate{{Name: templateName, Language: templateLanguage, Body: "Oi {{1}}, {{2}}."}},
	})
	if err != nil {
		return nil, err
	}
	g.OnSend(g.take)
	return g, nil
}

// outcome is how a call is treated.
type outcome struct {
	answer answer
	fault  *providertest.Fault // nil: the message is taken
}

// Some of Meta's error codes.
const (
	throughput    = 130429
	overloaded    = 131016
	generic       = 131000
	undeliverable = 131026
	closedWindow  = 131047
)

// toss returns the treatment of a text or a template for a roll of a thousand-sided die.
func toss(die int, text bool) outcome {
	switch {
	case die < 20:
		return outcome{notNow, &providertest.Fault{Status: http.StatusTooManyRequests, Body: "slow down"}}
	case die < 45:
		return outcome{notNow, &providertest.Fault{Code: throughput}}
	case die < 60:
		return outcome{notNow, &providertest.Fault{Code: overloaded, Status: http.StatusServiceUnavailable}}
	case die < 75:
		return outcome{unknown, &providertest.Fault{Status: http.StatusBadGateway, Body: "<html>bad gateway</html>", Accept: die%2 == 0}}
	case die < 85:
		return outcome{unknown, &providertest.Fault{Code: generic, Status: http.StatusInternalServerError, Accept: die%2 == 0}}
	case die < 100:
		return outcome{unknown, &providertest.Fault{Reset: true, Accept: die%2 == 0}}
	case die < 115:
		return outcome{unknown, &providertest.Fault{Hang: true, Accept: die%2 == 0}}
	case die < 125:
		return outcome{refused, &providertest.Fault{Code: undeliverable}}
	case die < 145 && text:
		return outcome{windowClosed, &providertest.Fault{Code: closedWindow}}
	}
	return outcome{answer: taken}
}

// refuses reports whether a lead whose last n calls were answered "not now" may be answered so
// again. After the second such answer wagate may put the step off for a minute, and after the third
// it does. The drill must leave time for that before it ends.
func (g *graph) refuses(l *lead, n int) bool {
	switch {
	case n < 1:
		return true
	case !g.stubborn || l.tenant.official:
		return false
	}
	return n < 4 && g.luck.die(4) == 0
}

// take notes a call and returns how it is treated.
func (g *graph) take(s providertest.GraphSend) *providertest.Fault {
	c := call{at: time.Now(), id: s.ID, text: s.Type == "text"}
	l := g.journal.phones[s.To]
	if l == nil {
		g.journal.strangers.Add(1)
		return nil
	}
	if c.text {
		w, ok := g.journal.writing(s.Text)
		if !ok || w.lead != l {
			g.journal.strangers.Add(1)
		}
		c.step, c.written = w.step, w.at
	} else {
		c.step, _ = strconv.Atoi(strings.TrimPrefix(s.Params[len(s.Params)-1], occasion+" "))
	}
	o := toss(g.luck.die(1000), c.text)
	if o.answer == notNow && !g.refuses(l, g.journal.refusals(l)) {
		o = outcome{answer: taken}
	}
	c.answer, c.accepted = o.answer, o.fault == nil || o.fault.Accept
	n := g.journal.call(l, c)
	l.hears(atProvider, c.step)
	if c.accepted {
		g.report(l, n, s)
	}
	if o.fault == nil {
		wait := g.luck.within(0, 40*time.Millisecond)
		_ = poll.Sleep(g.ctx, wait)
		l.hears(beingTold, c.step)
	}
	return o.fault
}

// report posts the receipt of a message: sometimes before the call is answered, sometimes late,
// sometimes never.
func (g *graph) report(l *lead, n int, s providertest.GraphSend) {
	failed := g.luck.die(100) < 4
	status := providertest.GraphStatus{ID: s.ID, State: "delivered", To: s.To, Number: s.Number, Opaque: s.Opaque}
	if failed {
		status.State, status.Code = "failed", undeliverable
	}
	body, err := g.StatusBody(status)
	if err != nil {
		g.journal.strangers.Add(1)
		return
	}
	post := func() {
		if g.api.webhook(g.ctx, body) {
			g.journal.receipts.Add(1)
			g.journal.receipt(l, n, failed)
		}
	}
	var wait time.Duration
	switch die := g.luck.die(100); {
	case die < 20:
		return
	case die < 26:
		told := make(chan struct{})
		g.tell(func() { defer close(told); post() })
		select {
		case <-told:
		case <-time.After(callTimeout / 2):
		}
		return
	case die < 80:
		wait = g.luck.within(5*time.Millisecond, 400*time.Millisecond)
	default:
		wait = g.luck.within(time.Second, 6*time.Second)
	}
	g.tell(func() {
		if poll.Sleep(g.ctx, wait) == nil {
			post()
		}
	})
}

// tell posts a receipt in the background.
func (g *graph) tell(post func()) {
	g.underWay.Add(1)
	g.posting.Go(func() {
		defer g.underWay.Add(-1)
		post()
	})
}
