package followup

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wagate/providers"
)

// TemplateLookup returns what the registry knows of a channel's template, or false if it knows none of
// that name and language. A nil TemplateLookup means that there is no registry to ask.
type TemplateLookup func(channel ChannelID, name, language string) (providers.TemplateInfo, bool)

// Warnings returns what is accepted in a config but may not do what was meant:
//
//   - an official channel that the tenant does not have (yet), or that another assistant answers;
//   - a template that the registry does not know, that is not approved, that is of low quality, that
//     cannot be sent with text parameters alone, or that takes another number of parameters;
//   - a prompt-only step with no template in any later step of a ladder. The window counts from the
//     lead's last message, not from the trigger, so it may be closed at any step, even one that comes
//     minutes after the trigger. If a later step has a template, that is sent in its place.
//
// It looks at the ladders of the official channels and of the assistant's channels; if there are
// none, at the config's steps alone.
func Warnings(c Config, t Tenant, lookup TemplateLookup) []Warning {
	out := []Warning{}
	for i, o := range c.OfficialSteps {
		if problem := channelWarning(t, c.AssistantID, o.ChannelID); problem != "" {
			out = append(out, Warning{fmt.Sprintf("official_steps[%d].channel_id", i), problem})
		}
	}
	type at struct{ field, problem string }
	var order []at
	channels := map[at][]ChannelID{}
	for _, channel := range warnedChannels(c, t) {
		l := buildLadder(c, channel)
		for i := range l.Steps {
			path := stepPath(c, channel, i)
			for _, w := range stepWarnings(l, i, channel, lookup) {
				key := at{joinPath(path, w.Field), w.Problem}
				if channels[key] == nil {
					order = append(order, key)
				}
				channels[key] = append(channels[key], channel)
			}
		}
	}
	for _, key := range order {
		problem := key.problem
		if strings.HasPrefix(key.field, "steps") {
			problem += onChannels(channels[key])
		}
		out = append(out, Warning{key.field, problem})
	}
	return out
}

// warnedChannels returns the channels on whose ladders a lead can be; [""] if there are none.
func warnedChannels(c Config, t Tenant) []ChannelID {
	var out []ChannelID
	for _, o := range c.OfficialSteps {
		out = append(out, o.ChannelID)
	}
	for _, ch := range t.Channels {
		if ch.Assistant == c.AssistantID && !slices.Contains(out, ch.ID) {
			out = append(out, ch.ID)
		}
	}
	if len(out) == 0 {
		return []ChannelID{""}
	}
	return out
}

// stepPath returns the config field in which step i of a channel's ladder is written.
func stepPath(c Config, channel ChannelID, i int) string {
	if i < len(c.Steps) {
		return fmt.Sprintf("steps[%d]", i)
	}
	o := slices.IndexFunc(c.OfficialSteps, func(o OfficialSteps) bool { return o.ChannelID == channel })
	return fmt.Sprintf("official_steps[%d].steps[%d]", o, i-len(c.Steps))
}

func channelWarning(t Tenant, a AssistantID, id ChannelID) string {
	ch, ok := t.Channel(id)
	switch {
	case !ok:
		return "is not a known channel of this tenant"
	case ch.Assistant != a:
		return "is a channel that another assistant answers"
	}
	return ""
}

// stepWarnings returns the warnings about step i of a ladder, with fields relative to the step; "" is
// the step as a whole.
func stepWarnings(l Ladder, i int, channel ChannelID, lookup TemplateLookup) []Warning {
	s := l.Steps[i]
	if !s.hasTemplate() {
		return closedWindowWarnings(l, i)
	}
	if lookup == nil || channel == "" {
		return nil
	}
	info, ok := lookup(channel, s.TemplateName, s.TemplateLanguage)
	if !ok {
		return []Warning{{"template_name", "is not a template the channel's registry knows in this language"}}
	}
	var out []Warning
	if !info.Sendable() {
		out = append(out, Warning{"template_name", "is not approved: " + info.Status})
	}
	if info.Quality == providers.QualityLow {
		out = append(out, Warning{"template_name", "is of low quality: it may soon be paused"})
	}
	if info.Unsupported != "" {
		out = append(out, Warning{"template_name", "cannot be sent by a follow-up: " + info.Unsupported})
	}
	if info.Params >= 0 && info.Params != len(s.TemplateParams) {
		out = append(out, Warning{"template_params", fmt.Sprintf("has %d values, the template takes %d", len(s.TemplateParams), info.Params)})
	}
	return out
}

func closedWindowWarnings(l Ladder, i int) []Warning {
	if slices.ContainsFunc(l.Steps[i:], Step.hasTemplate) {
		return nil
	}
	var after time.Duration
	for _, s := range l.Steps[:i+1] {
		after += s.Wait()
	}
	if after >= TemplateInterval {
		return []Warning{{"", "comes " + formatDuration(after) + " after the trigger and has no template: " +
			"it is skipped unless the lead's window is open again by then"}}
	}
	return []Warning{{"", "has no template: it is skipped if the lead's window is closed by then"}}
}

// onChannels returns a text that names the channels a warning is about; a step of Config.Steps can be
// on many.
func onChannels(ids []ChannelID) string {
	const shown = 3
	if ids[0] == "" {
		return ""
	}
	var names []string
	for _, id := range ids[:min(len(ids), shown)] {
		names = append(names, string(id))
	}
	text := " (channel " + strings.Join(names, ", ")
	if len(ids) > shown {
		text += fmt.Sprintf(" and %d more", len(ids)-shown)
	}
	return text + ")"
}
