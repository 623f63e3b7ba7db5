package runner

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// passage is one claimed step on its way to its outcome.
type passage struct {
	r              *Runner
	c              followup.Claimed
	ladder         followup.Ladder // empty until read
	situation      followup.Situation
	facts          followup.Facts
	attempt        followup.AttemptID // last attempt that the guard allowed
	maybeSent      bool               // the guard allowed it, so the provider may have the message
	attemptUnknown bool               // the store may have recorded an attempt whose id did not arrive here
	close          bool               // the provider reported the window closed
	lost           func()             // counts the lost claim, once
	finishing      atomic.Bool        // finish has begun, which detects a lost claim by itself
}

// maxDecisions bounds how often a step is decided. Each round adds a fact that was not known
// before, so three would do.
const maxDecisions = 8

func (r *Runner) passage(c followup.Claimed) *passage {
	return &passage{r: r, c: c, attempt: c.Attempt, maybeSent: c.Crashed, lost: sync.OnceFunc(r.metrics.stale.Inc)}
}

// run carries the claimed step to its outcome.
func (p *passage) run(ctx context.Context) {
	r, c := p.r, p.c
	ladder, err := r.ladder(ctx, c.Run)
	lost := errors.Is(err, followup.ErrNotFound) || errors.Is(err, errShort)
	if err != nil && !lost {
		if ctx.Err() == nil {
			r.log.Warn("ladder of a due step not readable", "run_id", c.Run.ID, "err", err)
		}
		r.giveBack(c, time.Time{})
		return
	}
	p.ladder = ladder
	if c.Crashed {
		p.finish(cmp.Or(c.Kind, followup.KindNone), followup.FinishStep{
			Outcome: followup.Uncertain, Reason: followup.Crash, UsedStep: c.UsedStep,
		})
		return
	}
	if c.Lapsed > r.p.MaxLapses {
		// The step killed its workers, or may have. It must not go on.
		r.log.Error("step lost its worker too often", "run_id", c.Run.ID)
		p.finish(followup.KindNone, followup.FinishStep{Outcome: followup.Failed, Reason: followup.Unknown})
		return
	}
	if lost {
		// Without the ladder, the message is unknown.
		r.log.Error("ladder of a due step is gone, its run ends", "run_id", c.Run.ID)
		p.finish(followup.KindNone, followup.FinishStep{Outcome: followup.Failed, Reason: followup.Unknown})
		return
	}
	ctx, stop := r.keepLease(ctx, c, func() {
		if !p.finishing.Load() {
			p.lost()
		}
	})
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
				info, ok, _ := r.p.Templates.Template(ctx, ch, name, language) // the guard asks again
				return info, ok
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

// act carries out a decision. It returns false if it learned something that requires a new
// decision.
func (p *passage) act(ctx context.Context, d followup.Decision) bool {
	sends := d.Action == followup.SendAI || d.Action == followup.SendTemplate
	if sends && !p.listed() {
		p.r.unlisted(p.c.Run)
		return p.failed(outgoing{kind: d.Kind}, &providers.Error{Kind: providers.Operator})
	}
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

// listed reports whether the operator file still lists the run's channel under the run's tenant. A
// channel that has moved to another tenant must not send for this one.
func (p *passage) listed() bool {
	tenant, _ := p.r.p.Directory.Tenant(p.c.Run.Tenant)
	_, ok := tenant.Channel(p.c.Run.Channel)
	return ok
}

// unlistedEvery is the shortest time between two log lines about the same unlisted channel.
const unlistedEvery = time.Minute

// unlisted logs that a run's channel does not belong to its tenant, at most once a minute per
// channel: a tenant or channel removed from the file may have thousands of runs.
func (r *Runner) unlisted(run followup.Run) {
	if r.unlistedChannels.Allow(run.Channel, r.p.Real()) {
		r.log.Error("the operator file does not list the run's channel under its tenant, its steps fail",
			"tenant", run.Tenant, "channel", run.Channel)
	}
}

func (p *passage) sendAI(ctx context.Context) bool {
	r, run := p.r, p.c.Run
	tenant, _ := r.p.Directory.Tenant(run.Tenant)
	history, err := r.p.Store.History(ctx, run.Lead, run.Channel, r.p.Now())
	if err != nil {
		r.giveBack(p.c, time.Time{})
		return true
	}
	assistant, _ := tenant.Assistant(run.Assistant)
	text, err := p.write(ctx, followup.Brief{
		Company: tenant.Name, Instructions: assistant.Instructions, Lead: p.c.Lead,
		Prompt:  followup.ExpandPrompt(p.ladder.Steps[run.Step].Prompt, p.facts),
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

// write has the model write the text. The step lends its worker meanwhile.
func (p *passage) write(ctx context.Context, b followup.Brief) (string, error) {
	defer p.r.lendWhileWriting(ctx, p.c.Run.Tenant)()
	return p.r.p.Writer.Write(ctx, b)
}

func (p *passage) sendTemplate(ctx context.Context, d followup.Decision) bool {
	step := p.ladder.Steps[d.Template]
	params, _ := followup.ExpandParams(step.TemplateParams, p.facts)
	template := providers.Template{Name: step.TemplateName, Language: step.TemplateLanguage, Params: params}
	return p.send(ctx, outgoing{
		message: providers.NewTemplate(p.c.Lead.Contact(), template),
		kind:    followup.KindTemplate, reason: followup.ByTemplate, used: d.UsedStep,
		text: templateText(step.TemplateName, params), template: &template, step: d.Template,
	})
}

// templateText is how a template message is shown in the history, whose readers do not know the
// template's wording.
func templateText(name string, params []string) string {
	if len(params) == 0 {
		return "[template " + name + "]"
	}
	return "[template " + name + ": " + strings.Join(params, " · ") + "]"
}
