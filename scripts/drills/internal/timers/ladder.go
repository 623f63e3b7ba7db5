package timers

import (
	"fmt"
	"time"
)

// speed is how many times as fast as real time domain time passes. Half an hour, the shortest wait
// of a step, must take longer than a message can be on its way (reach).
type speed int

// real returns how long a stretch of domain time takes in real time.
func (s speed) real(domain time.Duration) time.Duration { return domain / time.Duration(s) }

// rung is one step of a ladder.
type rung struct {
	wait             string // the interval as the API takes it
	after            time.Duration
	prompt, template bool
}

// ai and template return a rung that has only a prompt or only a template.
func ai(wait string, after time.Duration) rung { return rung{wait: wait, after: after, prompt: true} }

func template(wait string, after time.Duration) rung {
	return rung{wait: wait, after: after, template: true}
}

// length returns how long a ladder takes for a lead who never answers, in real time.
func (s speed) length(ladder []rung) time.Duration {
	var d time.Duration
	for _, r := range ladder {
		d += s.real(r.after)
	}
	return d
}

// The name and language of the template, and the word in its last parameter and in prompts before
// the number of the step.
const (
	templateName     = "reengagement_v1"
	templateLanguage = "pt_BR"
	occasion         = "occasion"
)

// step returns the n-th step as the API takes it. The prompt tells the model for which lead and
// which step it writes; the template's parameter tells which step it is.
func (r rung) step(n int) object {
	out := object{"interval": r.wait}
	if r.prompt {
		out["prompt"] = fmt.Sprintf("Ask politely whether there is anything to help with; %s %d of {{LEAD_NUMBER}}", occasion, n)
	}
	if r.template {
		out["template_name"], out["template_language"] = templateName, templateLanguage
		out["template_params"] = []string{"{{LEAD_FIRSTNAME|there}}", fmt.Sprintf("%s %d", occasion, n)}
	}
	return out
}
