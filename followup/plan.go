package followup

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Plan is a run to start: what to arm, and the ladder to save under Arm.Ladder.
type Plan struct {
	Arm    Arm
	Ladder Ladder
}

// NoRun says why no run is to be started; empty if one is.
type NoRun string

// The reasons for which no run is started.
const (
	NoRunOptedOut   NoRun = "opted_out"
	NoRunInactive   NoRun = "config_inactive"
	NoRunStatus     NoRun = "status_not_a_trigger"
	NoRunAssistant  NoRun = "other_assistant"
	NoRunChannel    NoRun = "no_channel"
	NoRunEmptySteps NoRun = "no_steps"
)

// AssistantOf returns the lead's assistant: that of its record, else that of its last used channel,
// else that of the channel of its record, else the tenant's only assistant. An assistant or channel
// that the operator's file does not list is ignored. It returns false for a lead of a tenant with
// several assistants that has no used channel and whose record has neither assistant nor channel.
func AssistantOf(l Lead, t Tenant) (AssistantID, bool) {
	if _, ok := t.Assistant(l.Assistant); ok {
		return l.Assistant, true
	}
	if ch, ok := lastUsed(l, t, ""); ok {
		return ch.Assistant, true
	}
	if ch, ok := t.Channel(l.Channel); ok {
		return ch.Assistant, true
	}
	if len(t.Assistants) == 1 {
		return t.Assistants[0].ID, true
	}
	return "", false
}

// PlanRun returns the run that the lead's status starts under config c, which must be the config of
// the assistant that AssistantOf returns. The caller has found that the status changed (or that a
// rearm waited); PlanRun decides whether the status is a trigger.
func PlanRun(l Lead, t Tenant, c Config) (Plan, NoRun) {
	if a, ok := AssistantOf(l, t); !ok || a != c.AssistantID {
		return Plan{}, NoRunAssistant
	}
	if !isTrigger(c, l.StatusID) {
		return Plan{}, NoRunStatus
	}
	return plan(l, t, c, "")
}

// PlanManual returns the run that is started by hand under config c, whatever the lead's status and
// assistant. The channel, if set, must be one of the tenant's; if empty, it is chosen as for PlanRun.
func PlanManual(l Lead, t Tenant, c Config, channel ChannelID) (Plan, NoRun) {
	return plan(l, t, c, channel)
}

func plan(l Lead, t Tenant, c Config, channel ChannelID) (Plan, NoRun) {
	if l.OptedOut {
		return Plan{}, NoRunOptedOut
	}
	if !c.IsActive {
		return Plan{}, NoRunInactive
	}
	ch, ok := channelOf(l, t, c.AssistantID, channel)
	if !ok {
		return Plan{}, NoRunChannel
	}
	ladder := buildLadder(c, ch)
	if len(ladder.Steps) == 0 {
		return Plan{}, NoRunEmptySteps
	}
	return Plan{Ladder: ladder, Arm: Arm{
		Config: c.ID, Assistant: c.AssistantID, Channel: ch,
		Ladder: ladder.Hash(), Interval: ladder.Steps[0].Wait(), RearmOnReply: c.RearmOnReply,
	}}, ""
}

// channelOf returns the channel of a run: the one asked for, else that of the lead's record, else the
// lead's last used channel of the assistant, else the assistant's first channel.
func channelOf(l Lead, t Tenant, a AssistantID, asked ChannelID) (ChannelID, bool) {
	if asked != "" {
		_, ok := t.Channel(asked)
		return asked, ok
	}
	if _, ok := t.Channel(l.Channel); ok {
		return l.Channel, true
	}
	if ch, ok := lastUsed(l, t, a); ok {
		return ch.ID, true
	}
	i := slices.IndexFunc(t.Channels, func(c Channel) bool { return c.Assistant == a })
	if i < 0 {
		return "", false
	}
	return t.Channels[i].ID, true
}

// lastUsed returns the channel that the lead used last, among the channels of assistant a or, if a is
// empty, among all.
func lastUsed(l Lead, t Tenant, a AssistantID) (Channel, bool) {
	ids := slices.SortedFunc(maps.Keys(l.Windows), func(x, y ChannelID) int {
		return cmp.Or(l.Windows[y].UsedAt.Compare(l.Windows[x].UsedAt), cmp.Compare(x, y))
	})
	for _, id := range ids {
		if l.Windows[id].UsedAt.IsZero() {
			continue
		}
		if ch, ok := t.Channel(id); ok && (a == "" || ch.Assistant == a) {
			return ch, true
		}
	}
	return Channel{}, false
}

func isTrigger(c Config, status string) bool {
	return status != "" && slices.ContainsFunc(c.TriggerStatusIDs, func(s string) bool { return strings.EqualFold(s, status) })
}
