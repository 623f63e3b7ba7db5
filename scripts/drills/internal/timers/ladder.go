package timers

import (
	"fmt"
	"time"
)

// speed is how many times as fast as real time domain time passes. Half an hour, the least
// a step may wait, must take longer than a message can be on its way (reach).
type speed int

// real is how long a stretch of domain time takes.
func (s speed) real(domain time.Duration) time.Duration { return domain / time.Duration(s) }

// rung is one step of a ladder.
type rung struct {
	wait             string // as the API takes it
	after            time.Duration
	prompt, template bool
}

// ai and template are rungs of one kind.
func ai(wait string, after time.Duration) rung { return rung{wait: wait, after: after, prompt: true} }

func template(wait string, after time.Duration) rung {
	return rung{wait: wait, after: after, template: true}
}

// length is how long a ladder takes whoever never answers, in real time.
func (s speed) length(ladder []rung) time.Duration {
	var d time.Duration
	for _, r := range ladder {
		d += s.real(r.after)
	}
	return d
}

// What templates are called, and the parameter that tells which step's it is.
const (
	templateName     = "reengagement_v1"
	templateLanguage = "pt_BR"
	occasion         = "occasion"
)

// step is a step as the API takes it. The prompt says whose and which it is, for the
// model; the template's parameter says which.
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
