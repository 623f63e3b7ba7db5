package followup

import (
	"slices"
	"strings"
	"unicode/utf8"

	"wagate/providers"
)

// DefaultTemplateLanguage is the language of a template that names none.
const DefaultTemplateLanguage = "pt_BR"

// The bounds of a config's parts; those of texts are in characters. They are far beyond any sensible
// config, and keep one tenant's body from taking up the memory that all tenants share.
const (
	maxTriggers = 200
	maxOfficial = 100
	maxPrompt   = 4000
	maxName     = 512
	maxParams   = 50
	maxParam    = 1024
	maxLanguage = 20
)

// readOnly holds the top-level fields that clients cannot set. They are accepted and ignored.
var readOnly = []string{"id", "tenant_id", "created_at", "updated_at", "warnings"}

// DecodeConfig decodes the body that creates a config of tenant t, and returns all problems with it at
// once. If there are none, the config is complete except for its id and times.
//
// Where the API documentation is silent, DecodeConfig decides as follows:
//
//   - A list or text that is null counts as absent, so that a client may send empty fields. A boolean
//     or an element of a list must not be null.
//   - A trigger given twice counts once. Ids are kept in lower case.
//   - A field that is required only in some cases (a template for a long interval; a step in either
//     list, once "steps" is sent) is reported as a wrong value, not as a missing field.
//   - A language without a template counts as absent, and so does a blank text.
func DecodeConfig(body []byte, t Tenant) (Config, []Problem) {
	var p problems
	o, ok := parseBody(body, &p)
	if !ok {
		return Config{}, p
	}
	d := decoder{problems: p}
	c := d.config(o)
	if _, ok := t.Assistant(c.AssistantID); !ok && c.AssistantID != "" {
		d.add("assistant_id", "is not an assistant of this tenant")
	}
	c.TenantID = t.ID
	return c, d.problems
}

// MergeConfig decodes the body of an update. The top-level fields that the body names replace those of
// old, lists as a whole; the others stay as they are in old. The result is validated like a new
// config. The assistant cannot change. A list that is null counts as named and empty.
func MergeConfig(old Config, body []byte) (Config, []Problem) {
	var p problems
	o, ok := parseBody(body, &p)
	if !ok {
		return Config{}, p
	}
	d := decoder{problems: p}
	c := d.config(overlay(old, o))
	if c.AssistantID != "" && !strings.EqualFold(string(c.AssistantID), string(old.AssistantID)) {
		d.add("assistant_id", "cannot be changed")
	}
	c.ID, c.TenantID, c.AssistantID = old.ID, old.TenantID, old.AssistantID
	c.CreatedAt, c.UpdatedAt = old.CreatedAt, old.UpdatedAt
	return c, d.problems
}

// decoder turns the parsed body into a config and collects the problems.
type decoder struct{ problems }

func (d *decoder) config(o object) Config {
	d.onlyFields("", o, append([]string{
		"assistant_id", "trigger_status_ids", "steps", "official_steps", "is_active", "rearm_on_reply",
	}, readOnly...))
	c := Config{
		AssistantID:      AssistantID(d.id(o, "", "assistant_id")),
		TriggerStatusIDs: d.triggers(o),
		Steps:            d.steps(o, ""),
		IsActive:         d.boolean(o, "is_active", true),
		RearmOnReply:     d.boolean(o, "rearm_on_reply", false),
	}
	c.OfficialSteps = d.officials(o, len(c.Steps))
	d.atLeastOne(o)
	return c
}

// atLeastOne checks that there is at least one step. It looks at what was sent, not at what could be
// decoded: a step with a problem counts as a step.
func (d *decoder) atLeastOne(o object) {
	steps, sent := o.get("steps")
	official, _ := o.get("official_steps")
	for _, v := range []any{steps, official} {
		if list, ok := v.([]any); v != nil && (!ok || len(list) > 0) {
			return
		}
	}
	if sent {
		d.add("steps", "must hold at least one step if official_steps holds none")
		return
	}
	d.put(Problem{Field: "steps", Problem: "is required if there are no official_steps", Missing: true})
}

func (d *decoder) triggers(o object) []string {
	const field = "trigger_status_ids"
	list, ok := d.list(o, "", field)
	out := []string{}
	switch {
	case !ok:
		return out
	case list == nil:
		d.missing(field)
	case len(list) == 0:
		d.add(field, "must hold at least one status id")
	case len(list) > maxTriggers:
		d.add(field, "must hold at most %d status ids", maxTriggers)
	}
	for i, v := range list {
		if id := d.uuid(indexPath(field, i), v); id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

func (d *decoder) officials(o object, shared int) []OfficialSteps {
	const field = "official_steps"
	out := []OfficialSteps{}
	list, _ := d.list(o, "", field)
	if len(list) > maxOfficial {
		d.add(field, "must hold at most %d channels", maxOfficial)
		return out
	}
	seen := map[string]int{}
	for i, v := range list {
		path := indexPath(field, i)
		m, ok := d.object(path, v)
		if !ok {
			continue
		}
		d.onlyFields(path, m, []string{"channel_id", "channel_name", "app_id", "steps"})
		id := d.id(m, path, "channel_id")
		if first, ok := seen[id]; ok {
			d.add(path+".channel_id", "is the same as official_steps[%d].channel_id", first)
		}
		if id != "" {
			if _, ok := seen[id]; !ok {
				seen[id] = i
			}
		}
		steps := d.officialSteps(m, path, shared)
		out = append(out, OfficialSteps{
			ChannelID: ChannelID(id), ChannelName: d.text(m, path, "channel_name", maxName),
			AppID: d.required(m, path, "app_id", maxName), Steps: steps,
		})
	}
	return out
}

func (d *decoder) officialSteps(m object, path string, shared int) []Step {
	field := path + ".steps"
	v, _ := m.get("steps")
	if v == nil {
		d.missing(field)
		return nil
	}
	steps := d.steps(m, path)
	list, ok := v.([]any)
	switch n := len(list); {
	case ok && n == 0:
		d.add(field, "must hold at least one step")
	case n <= MaxSteps && shared <= MaxSteps && shared+n > MaxSteps:
		d.add(field, "makes the channel's ladder %d steps long, %d of them from steps; at most %d", shared+n, shared, MaxSteps)
	}
	return steps
}

func (d *decoder) steps(o object, path string) []Step {
	list, _ := d.list(o, path, "steps")
	field := joinPath(path, "steps")
	if len(list) > MaxSteps {
		d.add(field, "must hold at most %d steps", MaxSteps)
	}
	out := []Step{}
	for i, v := range list {
		at := indexPath(field, i)
		if m, ok := d.object(at, v); ok {
			out = append(out, d.step(m, at))
			continue
		}
		out = append(out, Step{}) // keeps the number of steps
	}
	return out
}

func (d *decoder) step(m object, path string) Step {
	d.onlyFields(path, m, []string{"interval", "prompt", "template_name", "template_language", "template_params"})
	s := Step{
		Interval:         d.required(m, path, "interval", maxName),
		Prompt:           d.text(m, path, "prompt", maxPrompt),
		TemplateName:     strings.TrimSpace(d.text(m, path, "template_name", maxName)),
		TemplateLanguage: providers.NormalLanguage(d.text(m, path, "template_language", maxLanguage)),
		TemplateParams:   d.params(m, path),
	}
	if problem := checkVariables(s.Prompt); problem != "" {
		d.add(path+".prompt", "%s", problem)
	}
	d.language(&s, path)
	d.content(m, s, path)
	return s
}

func (d *decoder) language(s *Step, path string) {
	bad := strings.ContainsFunc(s.TemplateLanguage, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	switch {
	case bad:
		d.add(path+".template_language", "must be a language code such as pt_BR")
	case s.TemplateName == "":
		s.TemplateLanguage = ""
	case s.TemplateLanguage == "":
		s.TemplateLanguage = DefaultTemplateLanguage
	}
}

// content checks the interval, and that the step has what the interval requires. A prompt or template
// name of the wrong type counts as present here, because it already has a problem of its own.
func (d *decoder) content(m object, s Step, path string) {
	wait, err := ParseInterval(s.Interval)
	if err != nil && s.Interval != "" {
		d.add(path+".interval", "%s", err.Error())
	}
	if s.TemplateName != "" || !isText(m, "template_name") {
		return
	}
	switch {
	case err == nil && wait >= TemplateInterval:
		d.add(path+".template_name", "is required for an interval of 24 hours or more")
	case s.Prompt == "" && isText(m, "prompt"):
		d.add(path+".prompt", "is required, or a template_name")
	}
}

func (d *decoder) params(m object, path string) []string {
	list, _ := d.list(m, path, "template_params")
	field := path + ".template_params"
	if len(list) > maxParams {
		d.add(field, "must hold at most %d values", maxParams)
	}
	var out []string
	for i, v := range list {
		at := indexPath(field, i)
		s, ok := v.(string)
		switch {
		case !ok:
			d.add(at, "must be a string, not %s", typeName(v))
		case strings.TrimSpace(s) == "":
			d.add(at, "must not be empty")
		case utf8.RuneCountInString(s) > maxParam:
			d.add(at, "must be at most %d characters long", maxParam)
		default:
			if problem := checkVariables(s); problem != "" {
				d.add(at, "%s", problem)
			}
		}
		out = append(out, s)
	}
	return out
}

// overlay returns the body of an update as a full body: the members of o and, for each field that o
// does not name, the value of the old config.
func overlay(old Config, o object) object {
	list := func(n int, at func(i int) any) []any {
		out := make([]any, n)
		for i := range out {
			out[i] = at(i)
		}
		return out
	}
	steps := func(s []Step) []any { return list(len(s), func(i int) any { return stepObject(s[i]) }) }
	base := object{
		{"assistant_id", string(old.AssistantID)},
		{"trigger_status_ids", list(len(old.TriggerStatusIDs), func(i int) any { return old.TriggerStatusIDs[i] })},
		{"steps", steps(old.Steps)},
		{"official_steps", list(len(old.OfficialSteps), func(i int) any {
			s := old.OfficialSteps[i]
			return object{
				{"channel_id", string(s.ChannelID)},
				{"channel_name", s.ChannelName},
				{"app_id", s.AppID},
				{"steps", steps(s.Steps)},
			}
		})},
		{"is_active", old.IsActive},
		{"rearm_on_reply", old.RearmOnReply},
	}
	out := slices.Clone(o)
	for _, m := range base {
		if _, named := o.get(m.key); !named {
			out = append(out, m)
		}
	}
	return out
}

func stepObject(s Step) object {
	params := make([]any, len(s.TemplateParams))
	for i, p := range s.TemplateParams {
		params[i] = p
	}
	return object{
		{"interval", s.Interval},
		{"prompt", s.Prompt},
		{"template_name", s.TemplateName},
		{"template_language", s.TemplateLanguage},
		{"template_params", params},
	}
}
