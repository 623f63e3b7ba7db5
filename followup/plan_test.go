package followup

import (
	"testing"
	"time"
)

const planStatus = "5a1e0000-0000-4000-8000-00000000000a"

// planTenant has assistant a with channels a1 and a2, and assistant b with channel b1.
func planTenant() Tenant {
	return Tenant{
		ID: "t", Assistants: []Assistant{{ID: "a"}, {ID: "b"}},
		Channels: []Channel{{ID: "a1", Assistant: "a"}, {ID: "a2", Assistant: "a"}, {ID: "b1", Assistant: "b"}},
	}
}

// planConfig is assistant a's config: one shared step, and one more on channel a2.
func planConfig() Config {
	return Config{
		ID: "cfg-a", AssistantID: "a", IsActive: true, TriggerStatusIDs: []string{"other", planStatus},
		Steps:         []Step{{Interval: "PT45M", Prompt: "ask"}},
		OfficialSteps: []OfficialSteps{{ChannelID: "a2", Steps: []Step{{Interval: "P1D", TemplateName: "hello"}}}},
	}
}

// usedAt is a conversation that was last used at that minute.
func usedAt(minute int) Conversation {
	return Conversation{UsedAt: time.Date(2026, 1, 2, 3, minute, 0, 0, time.UTC)}
}

// A lead's assistant is its own, else that of the channel used last, else that of the lead's
// channel, else the tenant's only one.
func TestAssistantOf(t *testing.T) {
	t.Parallel()
	only := planTenant()
	only.Assistants = only.Assistants[:1]
	tests := []struct {
		name   string
		lead   Lead
		tenant Tenant
		want   AssistantID
	}{
		{"the lead's own", Lead{Assistant: "b", Channel: "a1", Windows: map[ChannelID]Conversation{"a1": usedAt(1)}}, planTenant(), "b"},
		{"the last used channel's", Lead{Channel: "a1", Windows: map[ChannelID]Conversation{"a1": usedAt(1), "b1": usedAt(2)}}, planTenant(), "b"},
		{"the last used channel is gone", Lead{Windows: map[ChannelID]Conversation{"a1": usedAt(1), "gone": usedAt(2)}}, planTenant(), "a"},
		{"imported window, never used", Lead{Channel: "a1", Windows: map[ChannelID]Conversation{"b1": {}}}, planTenant(), "a"},
		{"the lead's channel's", Lead{Channel: "b1"}, planTenant(), "b"},
		{"the lead's own is gone", Lead{Assistant: "gone", Channel: "b1"}, planTenant(), "b"},
		{"the only one", Lead{}, only, "a"},
		{"none", Lead{}, planTenant(), ""},
	}
	for _, tt := range tests {
		if got, ok := AssistantOf(tt.lead, tt.tenant); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: got %q, %v, want %q", tt.name, got, ok, tt.want)
		}
	}
}

// A run's channel is the lead's, else the assistant's channel used last, else the assistant's
// first. The ladder is that channel's.
func TestPlanRunChannel(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		lead Lead
		want ChannelID
	}{
		{"the lead's channel", Lead{Channel: "a2", Windows: map[ChannelID]Conversation{"a1": usedAt(1)}}, "a2"},
		{"the assistant's channel used last", Lead{Windows: map[ChannelID]Conversation{"a1": usedAt(1), "a2": usedAt(3), "b1": usedAt(9)}}, "a2"},
		{"two used at the same instant", Lead{Windows: map[ChannelID]Conversation{"a2": usedAt(1), "a1": usedAt(1)}}, "a1"},
		{"the assistant's first channel", Lead{}, "a1"},
		{"the lead's channel is gone", Lead{Channel: "gone"}, "a1"},
	}
	for _, tt := range tests {
		tt.lead.Assistant, tt.lead.StatusID = "a", planStatus
		p, why := PlanRun(tt.lead, planTenant(), planConfig())
		if why != "" || p.Arm.Channel != tt.want {
			t.Errorf("%s: got %q, %q, want %q", tt.name, p.Arm.Channel, why, tt.want)
		}
		if want := buildLadder(planConfig(), tt.want); p.Arm.Ladder != want.Hash() || p.Ladder.Hash() != want.Hash() {
			t.Errorf("%s: got ladder %v, want %v", tt.name, p.Ladder, want)
		}
	}
}

// PlanRun arms the first step with its interval; the case of the status id does not matter.
func TestPlanRunArms(t *testing.T) {
	t.Parallel()
	c := planConfig()
	c.RearmOnReply = true
	p, why := PlanRun(Lead{Assistant: "a", Channel: "a2", StatusID: "5A1E0000-0000-4000-8000-00000000000A"}, planTenant(), c)
	want := Arm{Config: "cfg-a", Assistant: "a", Channel: "a2", Ladder: p.Ladder.Hash(), Interval: 45 * time.Minute, RearmOnReply: true}
	if why != "" || p.Arm != want || len(p.Ladder.Steps) != 2 {
		t.Errorf("got %+v, %q, want %+v with two steps", p, why, want)
	}
}

// PlanRun names the reason why a lead gets no run.
func TestPlanRunNone(t *testing.T) {
	t.Parallel()
	lead := Lead{Assistant: "a", StatusID: planStatus}
	tests := []struct {
		name string
		edit func(*Lead, *Tenant, *Config)
		want NoRun
	}{
		{"a run", func(*Lead, *Tenant, *Config) {}, ""},
		{"no status", func(l *Lead, _ *Tenant, _ *Config) { l.StatusID = "" }, NoRunStatus},
		{"other status", func(l *Lead, _ *Tenant, _ *Config) { l.StatusID = "else" }, NoRunStatus},
		{"other assistant's config", func(_ *Lead, _ *Tenant, c *Config) { c.AssistantID = "b" }, NoRunAssistant},
		{"opted out", func(l *Lead, _ *Tenant, _ *Config) { l.OptedOut = true }, NoRunOptedOut},
		{"inactive", func(_ *Lead, _ *Tenant, c *Config) { c.IsActive = false }, NoRunInactive},
		{"no channel", func(_ *Lead, t *Tenant, _ *Config) { t.Channels = nil }, NoRunChannel},
		{"empty ladder", func(_ *Lead, _ *Tenant, c *Config) { c.Steps = nil }, NoRunEmptySteps},
	}
	for _, tt := range tests {
		l, ten, c := lead, planTenant(), planConfig()
		tt.edit(&l, &ten, &c)
		if _, got := PlanRun(l, ten, c); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// PlanManual starts a run whatever the lead's status is, on the channel asked for, but
// never for a lead who opted out.
func TestPlanManual(t *testing.T) {
	t.Parallel()
	lead := Lead{Assistant: "a", Channel: "a1", StatusID: "else"}
	tests := []struct {
		name    string
		channel ChannelID
		want    ChannelID
		why     NoRun
	}{
		{"any status", "", "a1", ""},
		{"asked channel", "a2", "a2", ""},
		{"not the tenant's", "x9", "", NoRunChannel},
	}
	for _, tt := range tests {
		p, why := PlanManual(lead, planTenant(), planConfig(), tt.channel)
		if p.Arm.Channel != tt.want || why != tt.why {
			t.Errorf("%s: got %q, %q, want %q, %q", tt.name, p.Arm.Channel, why, tt.want, tt.why)
		}
	}
	lead.OptedOut = true
	if _, why := PlanManual(lead, planTenant(), planConfig(), ""); why != NoRunOptedOut {
		t.Errorf("opted out: got %q, want opted out", why)
	}
}
