package providers

import (
	"encoding/json"
	"strings"
)

// Message is a message to send, in Cloud API form.
type Message struct {
	To   Contact
	Type string // Cloud API type: text, template, image, interactive, …

	// Body holds the top-level members of a Cloud API send (type, text, template, context,
	// recipient_type, …) except to, recipient and biz_opaque_callback_data, which the sender sets.
	Body map[string]json.RawMessage

	// Opaque is sent as biz_opaque_callback_data if the provider has such a field, and comes back
	// in the statuses of the message. At most 512 bytes.
	Opaque string
}

// IsTemplate reports whether the message is a template, which may be sent into a closed window.
func (m Message) IsTemplate() bool { return m.Type == "template" }

// Template names an approved message and gives its body parameters: the part of a Cloud API
// template that a follow-up step can express.
type Template struct {
	Name     string
	Language string   // as registered, such as pt_BR
	Params   []string // body placeholders in order; none may be empty
}

// NewText returns a free-form text message.
func NewText(to Contact, body string) Message {
	return Message{To: to, Type: "text", Body: map[string]json.RawMessage{
		"messaging_product": raw("whatsapp"),
		"recipient_type":    raw("individual"),
		"type":              raw("text"),
		"text":              raw(map[string]string{"body": body}),
	}}
}

// NewTemplate returns a template message with positional body parameters. White space inside a
// parameter is collapsed to single spaces, because Meta refuses newlines, tabs and long runs of
// spaces.
func NewTemplate(to Contact, t Template) Message {
	type param struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	type component struct {
		Type       string  `json:"type"`
		Parameters []param `json:"parameters"`
	}
	type language struct {
		Code string `json:"code"`
	}
	body := struct {
		Name       string      `json:"name"`
		Language   language    `json:"language"`
		Components []component `json:"components,omitempty"`
	}{Name: t.Name, Language: language{Code: t.Language}}
	if len(t.Params) > 0 {
		c := component{Type: "body"}
		for _, p := range t.Params {
			c.Parameters = append(c.Parameters, param{Type: "text", Text: strings.Join(strings.Fields(p), " ")})
		}
		body.Components = []component{c}
	}
	return Message{To: to, Type: "template", Body: map[string]json.RawMessage{
		"messaging_product": raw("whatsapp"),
		"recipient_type":    raw("individual"),
		"type":              raw("template"),
		"template":          raw(body),
	}}
}

// raw marshals a value that cannot fail to marshal.
func raw(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("providers: " + err.Error())
	}
	return b
}

// Sent is a provider's acceptance of a message.
type Sent struct {
	// ID is the message id of the provider's answer: the wamid at Meta, Gupshup's own message id at
	// Gupshup. Never empty on success.
	ID string
	// Contact is the recipient as the provider resolved it. Either identity may be missing, and a
	// Brazilian or Mexican phone may differ from the one dialled.
	Contact Contact
	// MessageStatus is what Meta adds for templates: accepted, held_for_quality_assessment, paused.
	// Usually empty.
	MessageStatus string
}

// TemplateInfo is one template as listed by the provider's registry.
type TemplateInfo struct {
	ID       string // the provider's own id; Gupshup v2 sends by it
	Name     string
	Language string // normalised: en_US
	Status   string // upper case: APPROVED, PAUSED, …
	Category string // upper case: MARKETING, UTILITY, AUTHENTICATION; empty if not told
	Quality  string // upper case: GREEN, YELLOW, RED; empty if not told
	Params   int    // number of positional body placeholders; -1 if not told
	// Unsupported is why the template cannot be sent with body parameters alone; empty if it can.
	Unsupported string
}

// The template properties that decide whether a template is sent, and to whom.
const (
	TemplateApproved  = "APPROVED" // the only status in which it can be sent
	TemplatePaused    = "PAUSED"
	TemplateDisabled  = "DISABLED"
	CategoryMarketing = "MARKETING"
	QualityLow        = "RED"
)

// Sendable reports whether the template may be sent, as far as known. An empty status counts as
// sendable.
func (t TemplateInfo) Sendable() bool { return t.Status == "" || t.Status == TemplateApproved }

// Marketing reports whether the template must not go to a lead who opted out. A template without a
// known category counts as marketing.
func (t TemplateInfo) Marketing() bool { return t.Category == "" || t.Category == CategoryMarketing }

// NormalLanguage returns a template language in the form in which wagate compares languages: Meta's
// webhooks write en-US, sending and listing use en_US.
func NormalLanguage(code string) string { return strings.ReplaceAll(strings.TrimSpace(code), "-", "_") }
