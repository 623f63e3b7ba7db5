package followup

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"wagate/providers"
)

// A channel's ladder is the config's steps and then the channel's own official steps. It
// shares no memory with the config.
func TestBuildLadder(t *testing.T) {
	t.Parallel()
	c := sampleConfig()
	if l := buildLadder(c, vChannel); len(l.Steps) != 3 || l.Steps[2].TemplateName != "back_again_v1" {
		t.Errorf("official channel: got %+v, want the steps and then its own", l)
	}
	other := buildLadder(c, vChannel2)
	if len(other.Steps) != 2 {
		t.Errorf("other channel: got %+v, want the steps alone", other)
	}
	other.Steps[0].Prompt = "changed"
	if c.Steps[0].Prompt == "changed" {
		t.Error("the ladder shares its steps with the config")
	}
}

// The hash is the same for equal ladders and differs if any field of a step,
// or their number, differs.
func TestLadderHash(t *testing.T) {
	t.Parallel()
	hash := func(edit func(*Step)) LadderHash {
		l := buildLadder(sampleConfig(), vChannel)
		edit(&l.Steps[2])
		return l.Hash()
	}
	same := hash(func(*Step) {})
	if same != buildLadder(sampleConfig(), vChannel).Hash() || len(same) != 32 {
		t.Errorf("got hash %q, want one of 32 characters, equal for equal ladders", same)
	}
	seen := map[LadderHash]int{same: -1}
	for i, edit := range []func(*Step){
		func(s *Step) { s.Interval = "P2D" },
		func(s *Step) { s.Prompt = "x" },
		func(s *Step) { s.TemplateName = "x" },
		func(s *Step) { s.TemplateLanguage = "x" },
		func(s *Step) { s.TemplateParams = s.TemplateParams[:1] },
	} {
		h := hash(edit)
		if j, ok := seen[h]; ok {
			t.Errorf("edit %d: got the same hash as edit %d", i, j)
		}
		seen[h] = i
	}
	if a, b := (Ladder{Steps: []Step{{Interval: "P1D"}, {}}}).Hash(), (Ladder{Steps: []Step{{Interval: "P1D"}}}).Hash(); a == b {
		t.Error("one step less: got the same hash, want another")
	}
}

// Next returns the first step after i that is not used, or -1.
func TestLadderNext(t *testing.T) {
	t.Parallel()
	l := Ladder{Steps: make([]Step, 3)}
	for used := range StepSet(8) {
		for i := -1; i < 3; i++ {
			got := l.Next(i, used)
			want := slices.IndexFunc([]int{0, 1, 2}, func(n int) bool { return n > i && !used.Has(n) })
			if got != want {
				t.Errorf("Next(%d, %03b): got %d, want %d", i, used, got, want)
			}
		}
	}
}

// A stored interval that cannot be parsed counts as the longest allowed one.
func TestWaitOfInvalidInterval(t *testing.T) {
	t.Parallel()
	if got := (Step{Interval: "soon"}).Wait(); got != MaxInterval {
		t.Errorf("got %v, want MaxInterval", got)
	}
}

// ViewLadder shows each step with the time since the trigger and its warnings.
func TestViewLadder(t *testing.T) {
	t.Parallel()
	ten := vTenant()
	ten.Channels = []Channel{{ID: vChannel, Assistant: vAssistant}}
	b, err := json.Marshal(ViewLadder(sampleConfig(), vChannel, ten, nil))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"channel_id":"` + vChannel + `","steps":[` +
		`{"interval":"PT30M","prompt":"Write kindly and ask whether anything is unclear","after":"PT30M","warnings":[]},` +
		`{"interval":"PT2H","prompt":"Say what it is good for and offer a short call","after":"PT2H30M","warnings":[]},` +
		`{"interval":"P1D","template_name":"back_again_v1","template_language":"en","template_params":["{{LEAD_FIRSTNAME}}","Acme"],` +
		`"after":"P1DT2H30M","warnings":[]}],"warnings":[]}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
	other := ViewLadder(sampleConfig(), vChannel2, ten, nil)
	if len(other.Steps) != 2 || len(other.Warnings) != 1 || len(other.Steps[0].Warnings) != 1 {
		t.Errorf("unknown channel: got %+v, want a warning about the channel, and one per step about the missing template", other)
	}
	for i, want := range []string{"steps[0]", "steps[1]"} {
		if got := warnedFields(other.Steps[i].Warnings); !slices.Equal(got, []string{want}) {
			t.Errorf("unknown channel, step %d: got warnings about %q, want %q", i, got, want)
		}
	}
}

// warnedFields returns the fields that the warnings are about.
func warnedFields(warnings []Warning) []string {
	out := []string{}
	for _, w := range warnings {
		out = append(out, w.Field)
	}
	return out
}

// Warnings name exactly the fields that will not work as configured, and ViewLadder shows
// each at the step it is about.
func TestWarnings(t *testing.T) {
	t.Parallel()
	day := Step{Interval: "P1D", TemplateName: "day", TemplateLanguage: "pt_BR", TemplateParams: []string{"x"}}
	ai := Step{Interval: "PT10H", Prompt: "ask"}
	known := []Channel{{ID: vChannel, Assistant: vAssistant}}
	on := func(steps ...Step) []OfficialSteps { return []OfficialSteps{{ChannelID: vChannel, Steps: steps}} }
	info := func(i providers.TemplateInfo, ok bool) TemplateLookup {
		return func(ChannelID, string, string) (providers.TemplateInfo, bool) { return i, ok }
	}
	fine := info(providers.TemplateInfo{Status: "APPROVED", Params: 1}, true)
	tests := []struct {
		name     string
		steps    []Step
		official []OfficialSteps
		channels []Channel
		lookup   TemplateLookup
		want     []string
	}{
		{"fine", []Step{ai}, on(day), known, fine, []string{}},
		{"no registry", nil, on(day), known, nil, []string{}},
		{"channel not known", []Step{ai}, on(day), nil, fine, []string{"official_steps[0].channel_id"}},
		{"channel of another assistant", nil, on(day), []Channel{{ID: vChannel, Assistant: "other"}}, fine, []string{"official_steps[0].channel_id"}},
		{"template not known", nil, on(day), known, info(providers.TemplateInfo{}, false), []string{"official_steps[0].steps[0].template_name"}},
		{"template paused", nil, on(day), known, info(providers.TemplateInfo{Status: "PAUSED", Params: -1}, true), []string{"official_steps[0].steps[0].template_name"}},
		{"template of red quality", nil, on(day), known, info(providers.TemplateInfo{Status: "APPROVED", Quality: "RED", Params: 1}, true), []string{"official_steps[0].steps[0].template_name"}},
		{"template of yellow quality", nil, on(day), known, info(providers.TemplateInfo{Status: "APPROVED", Quality: "YELLOW", Params: 1}, true), []string{}},
		{"template of an unsupported form", nil, on(day), known, info(providers.TemplateInfo{Unsupported: "header", Params: -1}, true), []string{"official_steps[0].steps[0].template_name"}},
		{"number of params", nil, on(day), known, info(providers.TemplateInfo{Params: 2}, true), []string{"official_steps[0].steps[0].template_params"}},
		{"shared template", []Step{day}, nil, known, info(providers.TemplateInfo{}, false), []string{"steps[0].template_name"}},
		{"last prompt 30 hours after the trigger", []Step{ai, ai, ai}, nil, known, fine, []string{"steps[0]", "steps[1]", "steps[2]"}},
		{"no channel", []Step{ai}, nil, nil, fine, []string{"steps[0]"}},
		{"prompt after the last template", []Step{day}, on(ai), known, fine, []string{"official_steps[0].steps[0]"}},
		{"fine on one channel only", []Step{ai}, on(day), append([]Channel{{ID: vChannel2, Assistant: vAssistant}}, known...), fine, []string{"steps[0]"}},
		{"another assistant's channel does not count", []Step{ai}, on(day), append([]Channel{{ID: vChannel2, Assistant: "other"}}, known...), fine, []string{}},
	}
	for _, tt := range tests {
		ten := Tenant{Assistants: []Assistant{{ID: vAssistant}}, Channels: tt.channels}
		c := Config{AssistantID: vAssistant, Steps: tt.steps, OfficialSteps: tt.official}
		all := warnedFields(Warnings(c, ten, tt.lookup))
		if !slices.Equal(all, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, all, tt.want)
		}
		for _, channel := range warnedChannels(c, ten) {
			for i, step := range ViewLadder(c, channel, ten, tt.lookup).Steps {
				for _, field := range warnedFields(step.Warnings) {
					if !strings.HasPrefix(field, stepPath(c, channel, i)) || !slices.Contains(all, field) {
						t.Errorf("%s: step %d of a ladder: got field %q, want one of %q", tt.name, i, field, all)
					}
				}
			}
		}
	}
}

// A warning about a prompt that may meet a closed window names the channels, at most three, and the
// time since the trigger if that is a day or more.
func TestWarningsNameTimeAndChannels(t *testing.T) {
	t.Parallel()
	ten := Tenant{}
	for _, id := range []ChannelID{"k1", "k2", "k3", "k4", "k5"} {
		ten.Channels = append(ten.Channels, Channel{ID: id, Assistant: vAssistant})
	}
	got := Warnings(Config{AssistantID: vAssistant, Steps: []Step{{Interval: "PT23H", Prompt: "a"}, {Interval: "PT1H", Prompt: "b"}}}, ten, nil)
	if len(got) != 2 || !strings.HasSuffix(got[0].Problem, "(channel k1, k2, k3 and 2 more)") {
		t.Fatalf("got %v, want two that name the channels", got)
	}
	if strings.Contains(got[0].Problem, "PT23H") || !strings.Contains(got[1].Problem, "P1D after the trigger") {
		t.Errorf("got %v, want the time named from exactly a day on", got)
	}
}
