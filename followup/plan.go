package followup

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Plan is a run that is to be started: what to arm, and the ladder to keep
// under Arm.Ladder.
type Plan struct {
	Arm    Arm
	Ladder Ladder
}

// NoRun says why no run is to be started; empty: one is.
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

// AssistantOf returns the lead's assistant: its own, else that of its last used
// channel, else that of its channel, else the tenant's only one. An assistant
// or a channel that the operator's file no longer lists does not count. A lead
// of a tenant with several assistants who never wrote and names neither has none.
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

// PlanRun returns the run that the lead's status starts under config c, which
// must be that of AssistantOf. The caller knows that the status has changed
// (or that a rearm waited); whether it is a trigger is decided here.
func PlanRun(l Lead, t Tenant, c Config) (Plan, NoRun) {
	if a, ok := AssistantOf(l, t); !ok || a != c.AssistantID {
		return Plan{}, NoRunAssistant
	}
	if !isTrigger(c, l.StatusID) {
		return Plan{}, NoRunStatus
	}
	return plan(l, t, c, "")
}

// PlanManual returns the run that is started by hand under config c, whatever
// the lead's status and assistant. The channel, if set, must be the tenant's;
// empty: as for PlanRun.
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

// channelOf returns the channel of a run: the one asked for, else the lead's
// own, else its last used one of the assistant, else the assistant's first.
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

// lastUsed returns the channel the lead used last, among those of assistant a
// or, if a is empty, among all.
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
