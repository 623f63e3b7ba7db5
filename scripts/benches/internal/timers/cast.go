package timers

import (
	"fmt"

	"wagate/followup"
)

// tenants is the number of tenants, each with an assistant, a channel and a config. There are so
// many that all workers are busy before a tenant reaches its bound.
const tenants = 8

func id(kind string, i int) string {
	return fmt.Sprintf("10000000-0000-4000-8000-%s%010d", kind, i%tenants)
}

func tenantOf(i int) followup.TenantID       { return followup.TenantID(id("00", i)) }
func assistantOf(i int) followup.AssistantID { return followup.AssistantID(id("a1", i)) }
func channelOf(i int) followup.ChannelID     { return followup.ChannelID(id("c1", i)) }
func configOf(i int) followup.ConfigID       { return followup.ConfigID(id("f1", i)) }

// The statuses of a lead, one of which is a trigger.
const (
	idleStatus    = "10000000-0000-4000-8000-5a0000000001"
	triggerStatus = "10000000-0000-4000-8000-5a0000000002"
)

const phonePrefix = "5511"

func phone(i int) string { return fmt.Sprintf("%s%09d", phonePrefix, i) }

// The ladders, of one step each. No lead has ever written, so all windows are closed: a step that
// has only a text ends unsent, and a template is sent.
var (
	unsent = followup.Ladder{Steps: []followup.Step{{Interval: "PT30M", Prompt: "Ask whether there is still interest."}}}
	sent   = followup.Ladder{Steps: []followup.Step{{
		Interval: "PT30M", TemplateName: "come_back", TemplateLanguage: "pt_BR", TemplateParams: []string{"{{LEAD_FIRSTNAME}}"},
	}}}
)

func directory() *followup.Directory {
	list := make([]followup.Tenant, tenants)
	for i := range list {
		list[i] = followup.Tenant{
			ID: tenantOf(i), Name: "Acme",
			Assistants: []followup.Assistant{{ID: assistantOf(i), Name: "Sales"}},
			Channels:   []followup.Channel{{ID: channelOf(i), Tenant: tenantOf(i), Assistant: assistantOf(i)}},
		}
	}
	return followup.NewDirectory(list)
}
