package runner

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"wagate/followup"
	"wagate/providers"
)

// passage is one claimed step on its way to its outcome.
type passage struct {
	r         *Runner
	c         followup.Claimed
	ladder    followup.Ladder
	situation followup.Situation
	facts     followup.Facts
	attempt   followup.AttemptID // the last the guard allowed
	close     bool               // the provider said that the window is closed
	lost      func()             // counts, once, that the claim was lost
}

// maxDecisions bounds how often a step is decided again; each time something
// is known that was not before, so three would do.
const maxDecisions = 8

// step sees one claimed step through.
func (r *Runner) step(ctx context.Context, c followup.Claimed) {
	ladder, err := r.ladder(ctx, c.Run)
	lost := errors.Is(err, followup.ErrNotFound) || errors.Is(err, errShort)
	if err != nil && !lost {
		if ctx.Err() == nil {
			r.log.Warn("ladder of a due step not readable", "run_id", c.Run.ID, "err", err)
		}
		r.giveBack(c, time.Time{})
		return
	}
	p := &passage{r: r, c: c, ladder: ladder, attempt: c.Attempt, lost: sync.OnceFunc(r.metrics.stale.Inc)}
	if c.Crashed {
		p.finish(cmp.Or(c.Kind, followup.KindNone), followup.FinishStep{
			Outcome: followup.Uncertain, Reason: followup.Crash, UsedStep: c.UsedStep,
		})
		return
	}
	if lost {
		// Nobody knows any more what was to be said.
		r.log.Error("ladder of a due step is gone, its run ends", "run_id", c.Run.ID)
		p.finish(followup.KindNone, followup.FinishStep{Outcome: followup.Failed, Reason: followup.Unknown})
		return
	}
	ctx, stop := r.keepLease(ctx, c, p.lost)
	defer stop()
	tenant, _ := r.p.Directory.Tenant(c.Run.Tenant)
	p.facts = followup.Facts{Lead: c.Lead, Company: tenant.Name}
	now := r.p.Now()
	p.situation = followup.Situation{
		Ladder: ladder, Step: c.Run.Step, Used: c.Run.Used,
		WindowOpen: c.Lead.WindowOpen(c.Run.Channel, now), OptedOut: c.Lead.OptedOut, Paused: c.Paused,
		Late: now.Sub(c.Run.DueAt), MaxLate: r.p.MaxLateness,
		ParamEmpty: followup.EmptyParams(ladder, p.facts),
		TemplatePaused: followup.PausedTemplates(ladder, c.Run.Channel,
			func(ch followup.ChannelID, name, language string) (providers.TemplateInfo, bool) {
				return r.p.Templates.Template(ctx, ch, name, language)
			}),
	}
	for range maxDecisions {
		if p.act(ctx, followup.Decide(p.situation)) {
			return
		}
	}
	r.log.Error("step could not be decided", "run_id", c.Run.ID)
	p.finish(followup.KindNone, followup.FinishStep{Outcome: followup.Failed, Reason: followup.Unknown})
}

// act carries out a decision. It returns false if something came to light by
// which it must be decided again.
func (p *passage) act(ctx context.Context, d followup.Decision) bool {
	switch d.Action {
	case followup.SendAI:
		return p.sendAI(ctx)
	case followup.SendTemplate:
		return p.sendTemplate(ctx, d)
	case followup.EndRun:
		p.finish(d.Kind, followup.FinishStep{Outcome: d.Outcome, Reason: d.Reason, EndReason: d.Reason})
	case followup.EndStep:
		p.finish(d.Kind, followup.FinishStep{Outcome: d.Outcome, Reason: d.Reason})
	}
	return true
}

func (p *passage) sendAI(ctx context.Context) bool {
	r, run := p.r, p.c.Run
	history, err := r.p.Store.History(ctx, run.Lead, run.Channel, r.p.Now())
	if err != nil {
		r.giveBack(p.c, time.Time{})
		return true
	}
	tenant, _ := r.p.Directory.Tenant(run.Tenant)
	assistant, _ := tenant.Assistant(run.Assistant)
	prompt, _ := followup.Expand(p.ladder.Steps[run.Step].Prompt, p.facts)
	text, err := r.p.Writer.Write(ctx, followup.Brief{
		Company: tenant.Name, Instructions: assistant.Instructions, Lead: p.c.Lead, Prompt: prompt,
		History: history, Now: r.p.Now(), Step: run.Step + 1, Steps: len(p.ladder.Steps),
	})
	switch {
	case ctx.Err() != nil:
		r.giveBack(p.c, time.Time{})
		return true
	case errors.Is(err, followup.ErrAIUnusable):
		p.situation.AIFailed = followup.AIUnusable
		return false
	case err != nil:
		p.situation.AIFailed = followup.AIUnavailable
		return false
	}
	return p.send(ctx, outgoing{
		message: providers.NewText(p.c.Lead.Contact(), text), kind: followup.KindAI, reason: followup.ByAI,
		text: text, freeForm: true,
	})
}

func (p *passage) sendTemplate(ctx context.Context, d followup.Decision) bool {
	step := p.ladder.Steps[d.Template]
	params, _ := followup.ExpandParams(step.TemplateParams, p.facts)
	info, known := p.r.p.Templates.Template(ctx, p.c.Run.Channel, step.TemplateName, step.TemplateLanguage)
	return p.send(ctx, outgoing{
		message: providers.NewTemplate(p.c.Lead.Contact(), providers.Template{
			Name: step.TemplateName, Language: step.TemplateLanguage, Params: params,
		}),
		kind: followup.KindTemplate, reason: followup.ByTemplate, used: d.UsedStep,
		text:      templateText(step.TemplateName, params),
		marketing: !known || info.Category == "" || info.Category == categoryMarketing,
	})
}

// categoryMarketing is the category that an opted-out lead never gets; an
// unknown one counts as it.
const categoryMarketing = "MARKETING"

// templateText is how a template stands in the history, whose readers have not
// got its wording.
func templateText(name string, params []string) string {
	if len(params) == 0 {
		return "[template " + name + "]"
	}
	return "[template " + name + ": " + strings.Join(params, " · ") + "]"
}

type outgoing struct {
	message   providers.Message
	kind      followup.StepKind
	reason    followup.Reason
	text      string
	used      int
	freeForm  bool
	marketing bool
}

func (p *passage) send(ctx context.Context, o outgoing) bool {
	r := p.r
	guard := func(ctx context.Context, _ followup.AttemptID) (followup.Verdict, error) {
		v, err := r.p.Store.GuardStep(ctx, followup.GuardStep{
			Run: p.c.Run.ID, Token: p.c.Token, FreeForm: o.freeForm, Marketing: o.marketing,
			Kind: o.kind, UsedStep: o.used,
			Now: r.p.Now(), Real: r.p.Real(), Lease: r.p.SendLease,
		})
		r.p.Steps.Ended(v.Ended)
		p.attempt = cmp.Or(v.Attempt, p.attempt)
		return v, err
	}
	// An error means that nothing was sent, so asking again sends nothing twice.
	result, err := backoff.Retry(ctx, func() (followup.SendResult, error) {
		return r.p.Sender.Send(ctx, p.c.Run.Channel, o.message, guard)
	}, backoff.WithMaxElapsedTime(askWithin))
	if err != nil {
		if ctx.Err() == nil {
			r.log.Warn("guard not reached, step given back", "run_id", p.c.Run.ID, "err", err)
		}
		r.giveBack(p.c, time.Time{})
		return true
	}
	if result.Refusal != followup.Allowed {
		return p.refused(result.Refusal)
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

// refused takes in that the guard said no. By its no the step is back from
// sending, if it was there.
func (p *passage) refused(no followup.Refusal) bool {
	if !p.close { // else the attempt tells which window was closed
		p.attempt = ""
	}
	switch no {
	case followup.RefusedWindow:
		p.situation.WindowOpen = false
	case followup.RefusedPaused:
		p.situation.Paused = true
	case followup.RefusedOptedOut:
		p.situation.OptedOut = true
	case followup.RefusedStale, followup.RefusedLeadMoved, followup.Allowed:
		p.lost()
		return true
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
		wait := max(min(e.RetryAfter, longestPutOff), time.Minute<<p.c.Run.Tries)
		r.giveBack(p.c, r.p.Now().Add(r.domain(wait)))
		return true
	}
	result := followup.FinishStep{
		Outcome: f.Outcome, Reason: f.Reason, EndReason: f.EndReason, OptOut: f.OptOut,
	}
	if f.Wait > 0 {
		result.NotBefore = r.p.Now().Add(f.Wait)
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
