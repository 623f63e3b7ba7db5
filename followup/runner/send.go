package runner

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"wagate/followup"
	"wagate/followup/poll"
	"wagate/providers"
)

type outgoing struct {
	message  providers.Message
	kind     followup.StepKind
	reason   followup.Reason
	text     string
	used     int
	freeForm bool
	template *providers.Template // nil: it is none
	step     int                 // whose template it is
}

// guard asks for leave to send: by the clock and the registry, as they are now, and then
// by the store. Since the step was decided it may have become too late (the model, a worker
// and the pacing take their time), its template may have been paused, or put into another
// category.
func (p *passage) guard(ctx context.Context, o outgoing) (followup.Verdict, error) {
	r := p.r
	p.out = false // what went before cannot have been sent, or nobody would ask
	if p.left() <= 0 {
		return followup.Verdict{Refusal: followup.RefusedLate}, nil
	}
	marketing := false
	if t := o.template; t != nil {
		info, known, err := r.p.Templates.Template(ctx, p.c.Run.Channel, t.Name, t.Language)
		if err != nil {
			return followup.Verdict{}, err
		}
		if known && !info.Sendable() {
			return followup.Verdict{Refusal: followup.RefusedTemplate}, nil
		}
		marketing = info.Marketing()
	}
	v, err := r.p.Store.GuardStep(ctx, followup.GuardStep{
		Run: p.c.Run.ID, Token: p.c.Token, To: o.message.To, FreeForm: o.freeForm, Marketing: marketing,
		Kind: o.kind, UsedStep: o.used,
		Now: r.p.Now(), Real: r.p.Real(), Lease: r.p.SendLease,
	})
	r.ended(v.Ended)
	p.unheard = err != nil || p.unheard && v.Refusal != followup.Allowed // one not heard of may still be on its way
	p.attempt, p.out = cmp.Or(v.Attempt, p.attempt), err == nil && v.Refusal == followup.Allowed
	return v, err
}

// send sends it, however long the channel's pacing has it wait while the step is not too
// late: that is no try, and what was written for the step is kept. One that was with the
// provider before, or for which the store may take it, is given back, and waits when it is claimed again: as long as it is
// marked as being sent no reply ends its run, and the death of its worker makes it uncertain.
// One that waits goes on to wait while the store is away: it could not be given back either.
func (p *passage) send(ctx context.Context, o outgoing) bool {
	var asked time.Duration // to wait, by the pacing
	for {
		result, err := p.ask(ctx, o)
		switch {
		case err == nil && result.Paced:
			asked = result.Err.RetryAfter
		case err == nil || asked == 0 || errors.Is(err, followup.ErrNewer):
			return p.answered(ctx, o, result, err)
		}
		if p.attempt != "" || p.unheard && err == nil || !p.waitPaced(ctx, asked) {
			p.r.giveBack(p.c, time.Time{})
			return true
		}
		if p.left() <= 0 {
			return false
		}
		o.message.To = p.contact(ctx)
	}
}

// contact is where the lead is to be found by now: who has waited for hours may have another
// phone. A store that does not tell gives no leave to send either.
func (p *passage) contact(ctx context.Context) providers.Contact {
	if lead, err := p.r.p.Store.Lead(ctx, p.c.Run.Tenant, p.c.Run.Lead); err == nil {
		p.c.Lead = lead
	}
	return p.c.Lead.Contact()
}

// ask sends it once. An error means that nothing was sent, so asking again sends nothing twice.
func (p *passage) ask(ctx context.Context, o outgoing) (followup.SendResult, error) {
	r := p.r
	guard := func(ctx context.Context, _ followup.AttemptID) (followup.Verdict, error) { return p.guard(ctx, o) }
	return backoff.Retry(ctx, func() (followup.SendResult, error) {
		result, err := r.p.Sender.Send(ctx, p.c.Run.Channel, o.message, guard)
		if errors.Is(err, followup.ErrNewer) {
			err = backoff.Permanent(err) // asking again is for another replica
		}
		return result, err
	}, backoff.WithMaxElapsedTime(askWithin))
}

// left looks again how late the step is, and returns how much later it may be sent.
func (p *passage) left() time.Duration {
	p.situation.Late = p.r.p.Now().Sub(p.c.Run.DueAt)
	return p.situation.Left()
}

// waitPaced waits where the pacing asks for so long: half of it, so that the channel finds
// somebody who waits whenever it is free, or half of what is left to the step. It returns
// false if the runner stops, which may be long before there is room, or the step is not ours.
// Other tenants have its worker meanwhile.
func (p *passage) waitPaced(ctx context.Context, asked time.Duration) bool {
	defer p.r.rest()()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.r.claims, cancel)()
	left := time.Duration(float64(p.left()) / p.r.p.Speed)
	return poll.Sleep(ctx, max(min(asked, left)/2, time.Millisecond)) == nil
}

// answered takes in how sending ended.
func (p *passage) answered(ctx context.Context, o outgoing, result followup.SendResult, err error) bool {
	r := p.r
	if errors.Is(err, followup.ErrNewer) {
		return p.failed(o, &providers.Error{Kind: providers.Transient, Retryable: true}) // or later by this one
	}
	if err != nil {
		if ctx.Err() == nil {
			r.log.Warn("guard not reached, step given back", "run_id", p.c.Run.ID, "err", err)
		}
		r.giveBack(p.c, time.Time{})
		return true
	}
	if result.Refusal != followup.Allowed {
		return p.refused(o, result.Refusal)
	}
	if result.Err != nil {
		return p.failed(o, result.Err)
	}
	r.metrics.lateness.Observe(max(0, r.p.Now().Sub(p.c.Run.DueAt).Seconds()))
	p.finish(o.kind, followup.FinishStep{
		Outcome: followup.Sent, Reason: o.reason, MessageID: result.Sent.ID, Text: o.text, UsedStep: o.used,
	})
	return true
}

// refused takes in that the guard said no.
func (p *passage) refused(o outgoing, no followup.Refusal) bool {
	switch no {
	case followup.RefusedTemplate:
		p.situation.TemplatePaused = p.situation.TemplatePaused.With(o.step)
	case followup.RefusedWindow:
		p.situation.WindowOpen = false
	case followup.RefusedPaused:
		p.situation.Paused = true
	case followup.RefusedOptedOut:
		p.situation.OptedOut = true
	case followup.RefusedStale, followup.RefusedLeadMoved:
		p.lost()
		return true
	case followup.RefusedLate: // the guard noted how late
	}
	return false
}

// closed records at once that the provider found the window closed: what
// follows may be put off, and must not meet an open window then.
func (p *passage) closed() {
	r, run := p.r, p.c.Run
	ctx, cancel := context.WithTimeout(context.Background(), giveBackWithin)
	defer cancel()
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := r.p.Store.RecordSend(ctx, followup.RecordSend{
			Tenant: run.Tenant, Lead: run.Lead, Channel: run.Channel, Attempt: p.attempt, CloseWindow: true,
			Now: r.p.Now(), Real: r.p.Real(),
		})
		if errors.Is(err, followup.ErrNotFound) || errors.Is(err, followup.ErrLeadMoved) {
			err = nil
		}
		return struct{}{}, err
	}, backoff.WithMaxElapsedTime(giveBackWithin))
	if err != nil {
		r.log.Warn("closed window not recorded yet", "run_id", run.ID, "err", err)
	}
}

// putOff gives the step back to be tried again later, at least as late as asked.
func (p *passage) putOff(asked time.Duration) {
	r := p.r
	wait := max(min(asked, longestPutOff), time.Minute<<p.c.Run.Tries)
	r.giveBack(p.c, r.p.Now().Add(r.domain(wait)))
}

// longestPutOff bounds what a provider may ask us to wait: what it says is no
// reason to keep a lead's step for days.
const longestPutOff = time.Hour

// failed takes in that the provider did not accept the message, or may have.
func (p *passage) failed(o outgoing, e *providers.Error) bool {
	r := p.r
	f := followup.AfterFailure(e, o.kind)
	p.close = p.close || f.CloseWindow
	switch {
	case f.Redecide:
		p.closed()
		p.situation.Refused = true
		return false
	case f.Retryable && p.c.Run.Tries < r.p.MaxTries:
		p.putOff(e.RetryAfter)
		return true
	}
	result := followup.FinishStep{
		Outcome: f.Outcome, Reason: f.Reason, EndReason: f.EndReason, OptOut: f.OptOut,
		NotBefore: r.p.Now().Add(f.Wait),
	}
	if f.Outcome == followup.Uncertain {
		result.Text, result.UsedStep = o.text, o.used
	}
	p.finish(o.kind, result)
	return true
}

// domain is how much domain time passes in d of real time.
func (r *Runner) domain(d time.Duration) time.Duration {
	return time.Duration(float64(d) * r.p.Speed)
}
