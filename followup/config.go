package followup

import "time"

// Config is a tenant's follow-up configuration of one assistant, as the public
// API shows it. There is at most one per assistant.
type Config struct {
	ID               ConfigID        `json:"id"`
	TenantID         TenantID        `json:"tenant_id"`
	AssistantID      AssistantID     `json:"assistant_id"`
	TriggerStatusIDs []string        `json:"trigger_status_ids"`
	Steps            []Step          `json:"steps"`
	OfficialSteps    []OfficialSteps `json:"official_steps"`
	IsActive         bool            `json:"is_active"`
	// RearmOnReply starts the run anew with the next message of the business
	// after a reply, while the lead's status is still the trigger.
	RearmOnReply bool      `json:"rearm_on_reply"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
	// Warnings are computed for each answer and never stored.
	Warnings []Warning `json:"warnings"`
}

// Step is one message of a ladder. Interval is an ISO 8601 duration between
// PT30M and P365D; TemplateName is required from 24 h on, below that Prompt or
// TemplateName.
type Step struct {
	Interval         string   `json:"interval"`
	Prompt           string   `json:"prompt,omitempty"`
	TemplateName     string   `json:"template_name,omitempty"`
	TemplateLanguage string   `json:"template_language,omitempty"`
	TemplateParams   []string `json:"template_params,omitempty"`
}

// OfficialSteps are the steps of one official WhatsApp channel. They follow
// Config.Steps in that channel's ladder.
type OfficialSteps struct {
	ChannelID   ChannelID `json:"channel_id"`
	ChannelName string    `json:"channel_name,omitempty"`
	AppID       string    `json:"app_id"`
	Steps       []Step    `json:"steps"`
}

// Warning points at something that is accepted but may not do what was meant.
type Warning struct {
	Field   string `json:"field"`
	Problem string `json:"problem"`
}

// ConfigState is what the engine must know of a config at the guard.
type ConfigState string

// The states of a config.
const (
	ConfigActive   ConfigState = ""         // and known to the guard
	ConfigInactive ConfigState = "inactive" // is_active=false: live runs end
	ConfigDeleted  ConfigState = "deleted"  // live runs end
	ConfigFinish   ConfigState = "finish"   // deleted with ?pending=finish: the armed step still fires
)
