package followup

import "time"

// Config is a tenant's follow-up configuration of one assistant, as the public API shows it. An
// assistant has at most one.
type Config struct {
	ID               ConfigID        `json:"id"`
	TenantID         TenantID        `json:"tenant_id"`
	AssistantID      AssistantID     `json:"assistant_id"`
	TriggerStatusIDs []string        `json:"trigger_status_ids"`
	Steps            []Step          `json:"steps"`
	OfficialSteps    []OfficialSteps `json:"official_steps"`
	IsActive         bool            `json:"is_active"`
	// RearmOnReply starts a new run with the first message of the business after a reply, while the
	// lead's status is still the same trigger.
	RearmOnReply bool      `json:"rearm_on_reply"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
	// Warnings are computed for each answer and never stored.
	Warnings []Warning `json:"warnings"`
}

// Step is one message of a ladder. Interval is an ISO 8601 duration between PT30M and P365D. An
// interval of 24 h or more requires TemplateName; a shorter one requires Prompt or TemplateName.
type Step struct {
	Interval         string   `json:"interval"`
	Prompt           string   `json:"prompt,omitempty"`
	TemplateName     string   `json:"template_name,omitempty"`
	TemplateLanguage string   `json:"template_language,omitempty"`
	TemplateParams   []string `json:"template_params,omitempty"`
}

// OfficialSteps holds the steps of one official WhatsApp channel. They follow Config.Steps in that
// channel's ladder.
type OfficialSteps struct {
	ChannelID   ChannelID `json:"channel_id"`
	ChannelName string    `json:"channel_name,omitempty"`
	AppID       string    `json:"app_id"`
	Steps       []Step    `json:"steps"`
}

// Warning points at a field that is accepted but may not do what was meant.
type Warning struct {
	Field   string `json:"field"`
	Problem string `json:"problem"`
}

// ConfigState is what the guard must know of a config.
type ConfigState string

// The states of a config.
const (
	ConfigActive   ConfigState = ""         // also of a config that the store was never told of
	ConfigInactive ConfigState = "inactive" // is_active=false: live runs end
	ConfigDeleted  ConfigState = "deleted"  // live runs end
	ConfigFinish   ConfigState = "finish"   // deleted with ?pending=finish: the armed step still fires
)
