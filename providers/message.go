package providers

import (
	"encoding/json"
	"strings"
)

// Message is something to send, in Cloud API form.
type Message struct {
	To   Contact
	Type string // Cloud API type: text, template, image, interactive, …

	// Body holds the top-level members of a Cloud API send (type, text,
	// template, context, recipient_type, …) except to, recipient and
	// biz_opaque_callback_data, which belong to the sender.
	Body map[string]json.RawMessage

	// Opaque travels as biz_opaque_callback_data where the provider has such a
	// field, and comes back in the statuses of this message. At most 512 bytes.
	Opaque string
}

// IsTemplate reports whether the message may be sent into a closed window.
func (m Message) IsTemplate() bool { return m.Type == "template" }

// Template is an approved message by name: the part of a Cloud API template
// that a follow-up step can say.
type Template struct {
	Name     string
	Language string   // as registered, e.g. pt_BR
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

// NewTemplate returns a template message with positional body parameters.
// White space inside a parameter is collapsed: newlines, tabs and long runs of
// spaces are refused by Meta.
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
	// ID is the id the provider answered with: wamid at Meta, Gupshup's own
	// message id at Gupshup. Never empty on success.
	ID string
	// Contact is whom the provider says it took the recipient for; either
	// identity may be missing, and a Brazilian or Mexican phone may differ from
	// the one dialled.
	Contact Contact
	// MessageStatus is what Meta adds for templates: accepted,
	// held_for_quality_assessment, paused. Usually empty.
	MessageStatus string
}

// TemplateInfo is one template as the provider's registry lists it.
type TemplateInfo struct {
	ID       string // provider's own id; Gupshup v2 sends by it
	Name     string
	Language string // normalised: en_US
	Status   string // upper case: APPROVED, PAUSED, …
	Category string // upper case: MARKETING, UTILITY, AUTHENTICATION; empty if not told
	Quality  string // upper case: GREEN, YELLOW, RED; empty if not told
	Params   int    // number of positional body placeholders; -1 if not told
	// Unsupported says why this template cannot be sent with body parameters
	// alone; empty if it can.
	Unsupported string
}

// The states of a template that decide whether it is sent, and to whom.
const (
	TemplateApproved  = "APPROVED" // the only status in which it can be sent
	TemplatePaused    = "PAUSED"
	TemplateDisabled  = "DISABLED"
	CategoryMarketing = "MARKETING"
	QualityLow        = "RED"
)

// Sendable reports whether the template may be sent, as far as is told.
func (t TemplateInfo) Sendable() bool { return t.Status == "" || t.Status == TemplateApproved }

// Marketing reports whether the template is not for those who opted out. One
// whose category is not told, or of which nothing is known, is not.
func (t TemplateInfo) Marketing() bool { return t.Category == "" || t.Category == CategoryMarketing }

// NormalLanguage returns a template language as wagate compares it: Meta's
// webhooks write en-US where sending and listing use en_US.
func NormalLanguage(code string) string { return strings.ReplaceAll(strings.TrimSpace(code), "-", "_") }
