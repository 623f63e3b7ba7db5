package followup

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wagate/providers"
)

var (
	promptOnly   = Step{Interval: "PT2H", Prompt: "ask"}
	templateOnly = Step{Interval: "PT2H", TemplateName: "hello"}
	bothShort    = Step{Interval: "PT23H59M59S", Prompt: "ask", TemplateName: "hello"}
	bothLong     = Step{Interval: "P1D", Prompt: "ask", TemplateName: "hello"}
	templateDay  = Step{Interval: "P1D", TemplateName: "day"}
)

// Decide returns the expected decision for every kind of step, with every kind of following step,
// for each state of the window and each result of the model.
func TestDecideEveryCell(t *testing.T) {
	t.Parallel()
	ai := Decision{Action: SendAI, Kind: KindAI}
	own := Decision{Action: SendTemplate, Kind: KindTemplate}
	next := Decision{Action: SendTemplate, Kind: KindTemplate, Template: 1, UsedStep: 1}
	none := Decision{Action: EndStep, Kind: KindAI, Outcome: Skipped, Reason: WindowClosedNoTemplate}
	aiFailed := Decision{Action: EndStep, Kind: KindAI, Outcome: Failed, Reason: AIUnusable}
	refused := Decision{Action: EndStep, Kind: KindAI, Outcome: Failed, Reason: WindowClosed}

	type row struct {
		name       string
		step       Step
		later      []Step
		open, shut Decision // by the window
		failed     Decision // window open, AI failed
		refused    Decision // window open, AI refused by the provider
	}
	rows := []row{
		{"prompt, no template in reach", promptOnly, []Step{promptOnly}, ai, none, aiFailed, refused},
		{"prompt, template next", promptOnly, []Step{templateDay}, ai, next, aiFailed, next},
		{"prompt, both next", promptOnly, []Step{bothShort}, ai, next, aiFailed, next},
		{"prompt, last", promptOnly, nil, ai, none, aiFailed, refused},
		{"prompt, a day, as no validated config has it", Step{Prompt: promptOnly.Prompt, Interval: "P1D"}, nil, ai, none, aiFailed, refused},
		{"template only", templateOnly, []Step{templateDay}, own, own, own, own},
		{"template only, last", templateDay, nil, own, own, own, own},
		{"both, below a day", bothShort, []Step{templateDay}, ai, own, own, own},
		{"both, a day", bothLong, []Step{templateDay}, own, own, own, own},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			base := Situation{Ladder: Ladder{Steps: append([]Step{r.step}, r.later...)}}
			open, failed, refused := base, base, base
			open.WindowOpen = true
			failed.WindowOpen, failed.AIFailed = true, AIUnusable
			refused.WindowOpen, refused.Refused = true, true
			failedShut := base
			failedShut.AIFailed = AIUnavailable // the window closed while the model was tried
			for _, c := range []struct {
				name string
				in   Situation
				want Decision
			}{
				{"open", open, r.open},
				{"closed", base, r.shut},
				{"AI failed", failed, r.failed},
				{"AI failed, then closed", failedShut, r.shut},
				{"refused", refused, r.refused},
			} {
				if got := Decide(c.in); got != c.want {
					t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
				}
			}
		})
	}
}

// An opt-out, a pause and lateness decide before the step and the window do, in this order.
func TestDecideOptOutPauseAndLatenessFirst(t *testing.T) {
	t.Parallel()
	for _, step := range []Step{promptOnly, templateOnly, bothShort, bothLong} {
		for _, open := range []bool{true, false} {
			s := Situation{Ladder: Ladder{Steps: []Step{step, templateDay}}, WindowOpen: open, Late: DefaultMaxLateness}
			if got := Decide(s); got.Outcome != Skipped || got.Reason != TooLate {
				t.Errorf("late by exactly the maximum: got %+v, want too_late", got)
			}
			s.Paused = true
			if got := Decide(s); got.Outcome != Skipped || got.Reason != Paused {
				t.Errorf("paused and late: got %+v, want paused", got)
			}
			s.OptedOut = true
			if got := Decide(s); got.Action != EndRun || got.Outcome != Cancelled || got.Reason != OptedOut {
				t.Errorf("opted out, paused and late: got %+v, want the run to end", got)
			}
		}
	}
}

// A step is sent if it is less than MaxLate late. A MaxLate of zero stands for DefaultMaxLateness.
func TestDecideLateness(t *testing.T) {
	t.Parallel()
	tests := []struct {
		late, most time.Duration
		want       bool // sent
	}{
		{-time.Second, time.Hour, true},
		{0, time.Hour, true},
		{time.Hour - time.Millisecond, time.Hour, true},
		{time.Hour, time.Hour, false},
		{time.Hour + time.Millisecond, time.Hour, false},
		{6*time.Hour - 1, 0, true},
		{6 * time.Hour, 0, false},
	}
	for _, tt := range tests {
		d := Decide(Situation{Ladder: Ladder{Steps: []Step{promptOnly}}, WindowOpen: true, Late: tt.late, MaxLate: tt.most})
		if got := d.Action == SendAI; got != tt.want {
			t.Errorf("%v late of %v: got %+v, want sent %v", tt.late, tt.most, d, tt.want)
		}
	}
}

// A paused template and one with an empty parameter are never sent: the step is skipped, or fails
// if the model failed before. Neither matters to a step that sends an AI text.
func TestDecideUnsendableTemplate(t *testing.T) {
	t.Parallel()
	paused, empty := skip(KindTemplate, TemplatePaused), skip(KindTemplate, TemplateParamEmpty)
	ai := Decision{Action: SendAI, Kind: KindAI}
	failed := Decision{Action: EndStep, Kind: KindAI, Outcome: Failed, Reason: AIUnavailable}
	first, second := StepSet(0).With(0), StepSet(0).With(1)
	tests := []struct {
		name string
		in   Situation
		want Decision
	}{
		{"paused", Situation{Ladder: Ladder{Steps: []Step{templateOnly}}, TemplatePaused: first}, paused},
		{"empty", Situation{Ladder: Ladder{Steps: []Step{templateOnly}}, ParamEmpty: first}, empty},
		{"paused and empty", Situation{Ladder: Ladder{Steps: []Step{templateOnly}}, ParamEmpty: first, TemplatePaused: first}, paused},
		{"only another step's template", Situation{Ladder: Ladder{Steps: []Step{templateOnly, templateDay}}, ParamEmpty: second, TemplatePaused: second}, Decision{Action: SendTemplate, Kind: KindTemplate}},
		{"next step's template, paused", Situation{Ladder: Ladder{Steps: []Step{promptOnly, templateDay}}, TemplatePaused: second}, paused},
		{"next step's template, empty", Situation{Ladder: Ladder{Steps: []Step{promptOnly, templateDay}}, ParamEmpty: second}, empty},
		{"AI text needs no template", Situation{Ladder: Ladder{Steps: []Step{bothShort}}, WindowOpen: true, ParamEmpty: first, TemplatePaused: first}, ai},
		{"AI failed, paused", Situation{Ladder: Ladder{Steps: []Step{bothShort}}, WindowOpen: true, AIFailed: AIUnavailable, TemplatePaused: first}, failed},
		{"AI failed, empty", Situation{Ladder: Ladder{Steps: []Step{bothShort}}, WindowOpen: true, AIFailed: AIUnavailable, ParamEmpty: first}, failed},
	}
	for _, tt := range tests {
		if got := Decide(tt.in); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// A template step that was used in place of an earlier step is used up: it replaces no other step,
// and its own turn is left out.
func TestDecideUsesTemplateStepOnce(t *testing.T) {
	t.Parallel()
	l := Ladder{Steps: []Step{promptOnly, promptOnly, templateDay}}
	first := Decide(Situation{Ladder: l})
	if first.UsedStep != 2 {
		t.Fatalf("first step: got %+v, want the template of step 2", first)
	}
	used := StepSet(0).With(first.UsedStep)
	i := l.Next(0, used)
	second := Decide(Situation{Ladder: l, Step: i, Used: used})
	if i != 1 || second.Reason != WindowClosedNoTemplate {
		t.Errorf("second step %d: got %+v, want window_closed_no_template", i, second)
	}
	if end := l.Next(i, used); end != -1 {
		t.Errorf("after that: got step %d, want the end", end)
	}
}

// In every situation: no free-form text goes into a closed window, no step is sent twice, and every
// end has a reason of its outcome's closed set.
func TestI4DecideNoFreeFormInClosedWindow(t *testing.T) {
	t.Parallel()
	steps := []Step{promptOnly, templateOnly, bothShort, bothLong, templateDay}
	rapid.Check(t, func(t *rapid.T) {
		s := Situation{
			Ladder:     Ladder{Steps: rapid.SliceOfN(rapid.SampledFrom(steps), 1, MaxSteps).Draw(t, "ladder")},
			Used:       StepSet(rapid.Uint8Range(0, 7).Draw(t, "used")),
			WindowOpen: rapid.Bool().Draw(t, "open"), Refused: rapid.Bool().Draw(t, "refused"),
			OptedOut: rapid.Bool().Draw(t, "opted out"), Paused: rapid.Bool().Draw(t, "paused"),
			TemplatePaused: StepSet(rapid.Uint8Range(0, 7).Draw(t, "tpaused")), ParamEmpty: StepSet(rapid.Uint8Range(0, 7).Draw(t, "empty")),
			AIFailed: rapid.SampledFrom([]Reason{"", AIUnusable, AIUnavailable}).Draw(t, "ai"),
			Late:     time.Duration(rapid.Int64Range(0, int64(8*time.Hour)).Draw(t, "late")),
		}
		s.Step = rapid.IntRange(0, len(s.Ladder.Steps)-1).Draw(t, "step")
		d := Decide(s)
		switch d.Action {
		case SendAI:
			if !s.WindowOpen || s.Refused || s.Ladder.Steps[s.Step].Prompt == "" || s.AIFailed != "" {
				t.Fatalf("got an AI text, want none, in %+v", s)
			}
		case SendTemplate:
			if !s.Ladder.Steps[d.Template].hasTemplate() || s.TemplatePaused.Has(d.Template) || s.ParamEmpty.Has(d.Template) {
				t.Fatalf("got template %d, which cannot be sent, in %+v", d.Template, s)
			}
			if d.Template == s.Step && d.UsedStep != 0 {
				t.Fatalf("got step %d used up by itself, want it not marked, in %+v", d.UsedStep, s)
			}
			if d.Template != s.Step && (d.UsedStep != d.Template || s.Used.Has(d.Template) || d.Template < s.Step) {
				t.Fatalf("got step %d in place of step %d, want a later unused one, in %+v", d.Template, s.Step, s)
			}
		case EndStep, EndRun:
			if !slices.Contains(Reasons[d.Outcome], d.Reason) {
				t.Fatalf("got end %s with reason %s, want a reason of the outcome's set", d.Outcome, d.Reason)
			}
		default:
			t.Fatalf("got no action in %+v", s)
		}
		if (s.OptedOut || s.Paused) && (d.Action == SendAI || d.Action == SendTemplate) {
			t.Fatalf("got a send although opted out or paused, in %+v", s)
		}
	})
}

// Each kind of provider error leads to its own outcome, reason and consequences. If the message may
// have been sent, the outcome is Uncertain and nothing else follows (I6).
func TestAfterFailureEveryKind(t *testing.T) {
	t.Parallel()
	want := map[providers.ErrorKind]Failure{
		providers.Throttled:     {Outcome: Failed, Reason: Throttled},
		providers.Transient:     {Outcome: Failed, Reason: Transient},
		providers.WindowClosed:  {Outcome: Failed, Reason: WindowClosed, CloseWindow: true},
		providers.TemplateError: {Outcome: Failed, Reason: TemplateRejected},
		providers.Undeliverable: {Outcome: Failed, Reason: Undeliverable, EndReason: Unreachable},
		providers.OptedOut:      {Outcome: Cancelled, Reason: OptedOut, EndReason: OptedOut, OptOut: true},
		providers.Capped:        {Outcome: Failed, Reason: Capped, Wait: 24 * time.Hour},
		providers.Operator:      {Outcome: Failed, Reason: Operator},
		providers.Invalid:       {Outcome: Failed, Reason: Invalid},
		providers.Unknown:       {Outcome: Failed, Reason: Unknown},
	}
	if len(want) != len(providers.ErrorKinds) {
		t.Errorf("kinds in the table: got %d, want %d", len(want), len(providers.ErrorKinds))
	}
	for _, kind := range providers.ErrorKinds {
		for _, retryable := range []bool{false, true} {
			w := want[kind]
			w.Retryable = retryable
			if got := AfterFailure(&providers.Error{Kind: kind, Retryable: retryable}, KindTemplate); got != w {
				t.Errorf("template, %s: got %+v, want %+v", kind, got, w)
			}
			w.Redecide = kind == providers.WindowClosed
			if got := AfterFailure(&providers.Error{Kind: kind, Retryable: retryable}, KindAI); got != w {
				t.Errorf("AI, %s: got %+v, want %+v", kind, got, w)
			}
		}
		maybe := AfterFailure(&providers.Error{Kind: kind, MaybeSent: true, Retryable: true}, KindAI)
		if maybe != (Failure{Outcome: Uncertain, Reason: NoAnswer}) {
			t.Errorf("I6: %s that may have been sent: got %+v, want uncertain and nothing else", kind, maybe)
		}
		if w := want[kind]; !slices.Contains(Reasons[w.Outcome], w.Reason) {
			t.Errorf("%s: %s %s is not in the closed set", kind, w.Outcome, w.Reason)
		}
	}
}

// A receipt's error gives a step that was sent a reason of Failed, the same as the error of a call
// that fails. What was sent has a reason of Sent, if its kind is known.
func TestFailedByAndSentByEveryKind(t *testing.T) {
	t.Parallel()
	for _, kind := range providers.ErrorKinds {
		got := FailedBy(kind)
		if !slices.Contains(Reasons[Failed], got) {
			t.Errorf("FailedBy %s: got %s, want a reason of the set", kind, got)
		}
		if f := AfterFailure(&providers.Error{Kind: kind}, KindAI); f.Outcome == Failed && f.Reason != got {
			t.Errorf("FailedBy %s: got %s, want %s as for a call", kind, got, f.Reason)
		}
	}
	if got := FailedBy("something new"); got != Unknown {
		t.Errorf("FailedBy a new kind: got %s, want %s", got, Unknown)
	}
	for kind, want := range map[StepKind]Reason{KindAI: ByAI, KindTemplate: ByTemplate, KindNone: "", "": ""} {
		if got := SentBy(kind); got != want {
			t.Errorf("SentBy %q: got %q, want %q", kind, got, want)
		}
	}
}

// EmptyParams names the steps with an empty parameter. PausedTemplates names the steps whose
// template is known and not approved; a template that is unknown or has no status is tried.
func TestEmptyParamsAndPausedTemplates(t *testing.T) {
	t.Parallel()
	l := Ladder{Steps: []Step{
		{Interval: "PT1H", Prompt: "ask {{LEAD_NAME}}"},
		{Interval: "P1D", TemplateName: "a", TemplateParams: []string{"{{LEAD_FIRSTNAME}}"}},
		{Interval: "P1D", TemplateName: "b", TemplateParams: []string{"{{LEAD_FIRSTNAME|there}}"}},
	}}
	if got, want := EmptyParams(l, Facts{}), StepSet(0).With(1); got != want {
		t.Errorf("EmptyParams: got %03b, want %03b", got, want)
	}
	lookup := func(_ ChannelID, name, _ string) (providers.TemplateInfo, bool) {
		return providers.TemplateInfo{Status: map[string]string{"": "PAUSED", "a": "APPROVED", "b": "PAUSED"}[name]}, name != "c"
	}
	if got, want := PausedTemplates(l, "c", lookup), StepSet(0).With(2); got != want {
		t.Errorf("PausedTemplates: got %03b, want %03b", got, want)
	}
	l.Steps[2].TemplateName = "c" // not in the registry
	if got := PausedTemplates(l, "c", lookup); got != 0 {
		t.Errorf("unknown template: got %03b, want none, so that it is tried", got)
	}
	l.Steps[2].TemplateName = "d" // in the registry, without a status
	if got := PausedTemplates(l, "c", lookup); got != 0 {
		t.Errorf("template without a status: got %03b, want none, so that it is tried", got)
	}
	if got := PausedTemplates(l, "c", nil); got != 0 {
		t.Errorf("no registry: got %03b, want none", got)
	}
}
