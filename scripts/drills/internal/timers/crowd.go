package timers

import (
	"context"
	"net/http"
	"sync"
	"time"

	"wagate/followup/poll"
	"wagate/providers/providertest"
	"wagate/scripts/drills/internal/fleet"
)

// crowd acts for the leads and for what their tenants do with them.
type crowd struct {
	api     *api
	graph   *graph
	journal *journal
	clock   clock
}

// play lets all leads live, and returns when each has done everything it will do.
func (c *crowd) play(ctx context.Context, leads []*lead, began time.Time) {
	var living sync.WaitGroup
	for _, l := range leads { // sorted by their times
		if fleet.SleepUntil(ctx, began.Add(l.at)) != nil {
			break
		}
		living.Go(func() { c.live(ctx, l) })
	}
	living.Wait()
}

// patience is how much longer than its ladder a lead waits for a cue.
const patience = 4 * time.Second

func (c *crowd) live(ctx context.Context, l *lead) {
	if !c.appear(ctx, l) {
		return
	}
	for _, a := range l.acts {
		heard := l.await(a.cue, a.step)
		if a.cue != atAnyTime {
			select {
			case <-heard:
			case <-time.After(l.book.speed.length(l.tenant.ladder) + patience):
				return
			case <-ctx.Done():
				return
			}
		}
		if poll.Sleep(ctx, a.wait) != nil {
			return
		}
		c.do(ctx, l, a.what)
	}
}

// appear gives a lead a status that triggers.
func (c *crowd) appear(ctx context.Context, l *lead) bool {
	t := l.tenant
	if l.writes {
		return c.says(ctx, l, wrote, "How much is the bench?") && c.find(ctx, l) && c.give(ctx, l, triggered, hot)
	}
	body := object{"name": "Noor Haddad", "phone": "+" + l.phone, "status_id": hot, "channel_id": t.channel(l.channel)}
	if l.ago >= 0 {
		last := c.clock.now().Add(-l.ago)
		body["last_inbound_at"] = last.Format(time.RFC3339Nano)
		l.book.windowEnds = c.clock.real(last.Add(24 * time.Hour))
	}
	done := c.journal.begin(l, triggered)
	var made struct {
		ID string `json:"id"`
	}
	switch c.api.ask(ctx, t, http.MethodPost, "/backend/leads", body, &made) {
	case http.StatusCreated:
		done()
		l.id = made.ID
		return true
	case http.StatusConflict: // an earlier try succeeded, but its answer was lost
		done()
		return c.find(ctx, l)
	}
	return false
}

// find looks up the lead's id.
func (c *crowd) find(ctx context.Context, l *lead) bool {
	var found struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if c.api.ask(ctx, l.tenant, http.MethodGet, "/backend/leads?search="+l.phone, nil, &found) != http.StatusOK || len(found.Data) != 1 {
		return false
	}
	l.id = found.Data[0].ID
	return true
}

// do does what an act says.
func (c *crowd) do(ctx context.Context, l *lead, w what) {
	switch w {
	case replied:
		c.says(ctx, l, w, "Yes, please")
	case optedOut:
		c.says(ctx, l, w, "STOP")
	case left:
		c.give(ctx, l, w, cold)
	case restarted:
		c.give(ctx, l, w, warm)
	case cancelled:
		c.cancel(ctx, l)
	case wrote, triggered: // only appear does these
	}
}

// says makes the lead write a text.
func (c *crowd) says(ctx context.Context, l *lead, w what, text string) bool {
	in := providertest.GraphText(providertest.GraphUser{Phone: l.phone, Name: "Noor Haddad"}, text)
	in.Number = l.tenant.numberID(l.channel)
	body, err := c.graph.InboundBody(in)
	if err != nil {
		c.journal.strangers.Add(1)
		return false
	}
	done := c.journal.begin(l, w)
	if !c.api.webhook(ctx, body) {
		return false
	}
	done()
	return true
}

// give gives the lead a status.
func (c *crowd) give(ctx context.Context, l *lead, w what, status string) bool {
	done := c.journal.begin(l, w)
	if c.api.ask(ctx, l.tenant, http.MethodPut, "/backend/leads/"+l.id, object{"status_id": status}, nil) != http.StatusOK {
		return false
	}
	done()
	return true
}

// cancel cancels the lead's latest run.
func (c *crowd) cancel(ctx context.Context, l *lead) {
	var runs listed
	if c.api.ask(ctx, l.tenant, http.MethodGet, runsPath+"?lead_id="+l.id, nil, &runs) != http.StatusOK || len(runs.Data) == 0 {
		return
	}
	done := c.journal.begin(l, cancelled)
	if c.api.ask(ctx, l.tenant, http.MethodPost, runsPath+"/"+runs.Data[0].ID+"/cancel", object{}, nil) == http.StatusOK {
		done()
	}
}
