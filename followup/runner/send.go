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
	template *providers.Template // nil if the message is no template
	step     int                 // the ladder step that the template belongs to
}

// guard asks for permission to send. It checks the lateness and the template registry anew, then
// asks the store. The decision may be old: while the step waited for the model, a worker and the
// pacing, it may have become too late, and its template may have been paused or moved to another
// category.
func (p *passage) guard(ctx context.Context, o outgoing) (followup.Verdict, error) {
	r := p.r
	p.maybeSent = false // the caller asks again only if the previous attempt cannot have been sent
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
	// An unheard guard call may still reach the store; only a newer attempt ends the doubt.
	p.attemptUnknown = err != nil || p.attemptUnknown && v.Refusal != followup.Allowed
	p.attempt, p.maybeSent = cmp.Or(v.Attempt, p.attempt), err == nil && v.Refusal == followup.Allowed
	return v, err
}

// send sends the message. While the channel's pacing is full, send waits and keeps the message,
// until the step is too late; that costs no try. A step is released instead of waiting here if the
// guard has allowed an attempt before, or may have: in state sending, a reply cannot end its run,
// and the death of its worker would make it uncertain. The released step waits when it is claimed
// again. A step that is already waiting goes on waiting while the store does not answer, since it
// could not be released either.
func (p *passage) send(ctx context.Context, o outgoing) bool {
	var asked time.Duration // wait that the pacing asked for last
	for {
		result, err := p.ask(ctx, o)
		switch {
		case err == nil && result.Paced:
			asked = result.Err.RetryAfter
		case err == nil || asked == 0 || errors.Is(err, followup.ErrNewer):
			return p.answered(ctx, o, result, err)
		}
		if p.attempt != "" || p.attemptUnknown && err == nil || !p.waitPaced(ctx, asked) {
			p.r.giveBack(p.c, time.Time{})
			return true
		}
		if p.left() <= 0 {
			return false
		}
		o.message.To = p.contact(ctx)
	}
}

// contact returns the lead's current contact: over hours of waiting the phone may have changed. If
// the store does not answer, contact returns the last known one; the guard will not allow a send
// then either.
func (p *passage) contact(ctx context.Context) providers.Contact {
	if lead, err := p.r.p.Store.Lead(ctx, p.c.Run.Tenant, p.c.Run.Lead); err == nil {
		p.c.Lead = lead
	}
	return p.c.Lead.Contact()
}

// ask calls the Sender, retrying for up to askWithin. An error means that nothing was sent, so a
// retry sends nothing twice.
func (p *passage) ask(ctx context.Context, o outgoing) (followup.SendResult, error) {
	r := p.r
	guard := func(ctx context.Context, _ followup.AttemptID) (followup.Verdict, error) { return p.guard(ctx, o) }
	return backoff.Retry(ctx, func() (followup.SendResult, error) {
		result, err := r.p.Sender.Send(ctx, p.c.Run.Channel, o.message, guard)
		if errors.Is(err, followup.ErrNewer) {
			err = backoff.Permanent(err) // another replica may know the format; this one does not
		}
		return result, err
	}, backoff.WithMaxElapsedTime(askWithin))
}

// left updates how late the step is and returns how much longer it may wait before it is too late.
func (p *passage) left() time.Duration {
	p.situation.Late = p.r.p.Now().Sub(p.c.Run.DueAt)
	return p.situation.Left()
}

// waitPaced waits for half the time that the pacing asked for, or half of the time left to the step
// if that is shorter. Half, so that the channel has a waiting step whenever it becomes free.
// waitPaced returns false if the runner stops, because the pacing may take much longer than the
// stop, or if the lease is lost. Other tenants use the step's worker meanwhile.
func (p *passage) waitPaced(ctx context.Context, asked time.Duration) bool {
	defer p.r.lendWhilePaced()()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.r.claimCtx, cancel)()
	left := time.Duration(float64(p.left()) / p.r.p.Speed)
	return poll.Sleep(ctx, max(min(asked, left)/2, time.Millisecond)) == nil
}

// answered handles the result of sending. It returns false if the step must be decided again.
func (p *passage) answered(ctx context.Context, o outgoing, result followup.SendResult, err error) bool {
	r := p.r
	if errors.Is(err, followup.ErrNewer) {
		// Retryable, so that another replica takes the step, or this one later.
		return p.failed(o, &providers.Error{Kind: providers.Transient, Retryable: true})
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

// refused handles a refusal of the guard. It returns false if the step must be decided again.
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
	case followup.RefusedLate: // guard has updated the lateness
	}
	return false
}

// closed records at once that the provider found the window closed. The step may be put off next,
// and must not find the window open when it is claimed again.
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

// putOff releases the step to be tried again later, no earlier than after asked, which is capped at
// longestPutOff. The wait is at least a minute, doubling with each try.
func (p *passage) putOff(asked time.Duration) {
	r := p.r
	wait := max(min(asked, longestPutOff), time.Minute<<p.c.Run.Tries)
	r.giveBack(p.c, r.p.Now().Add(r.domain(wait)))
}

// longestPutOff bounds the wait that a provider may ask for, so that its answer cannot hold a
// lead's step for days.
const longestPutOff = time.Hour

// failed handles a message that the provider did not accept, or may have accepted. It returns false
// if the step must be decided again.
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

// domain converts a span of real time to domain time.
func (r *Runner) domain(d time.Duration) time.Duration {
	return time.Duration(float64(d) * r.p.Speed)
}
