package outbound

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"wagate/providers"
)

// message is a parsed request.
type message struct {
	providers.Message // without To until the lead has been found

	named    providers.Contact // the recipient as the caller named it: a phone or a user id
	pass     json.RawMessage   // the body of a read receipt or typing notice to hand on; nil for a message
	input    string            // the recipient as the caller wrote it
	quoted   string            // context.message_id, or reaction.message_id
	template string            // the name of a template message's template
	language string            // that template's language
	text     string            // the body of a text message
}

// Bounds of the Cloud API (messages reference).
const (
	maxText   = 4096 // characters
	maxOpaque = 512  // characters
	maxUserID = 200  // bytes; a BSUID has a prefix and up to 128 characters
)

// mediaTypes are the types whose content is given by id or by link.
var mediaTypes = map[string]bool{"image": true, "video": true, "audio": true, "document": true, "sticker": true}

// parse reads a Cloud API body. The failure, if it is not nil, names everything that is wrong with
// the body. Members that parse does not know are left to the provider.
func parse(body []byte) (message, *failure) {
	var m message
	if !utf8.Valid(body) { // decoding would replace the invalid bytes, and the replacement would be sent
		return m, fail(codeInvalid, "the body is not valid UTF-8")
	}
	fields, twin, ok := members(body)
	if !ok {
		return m, fail(codeInvalid, "the body must be one JSON object")
	}
	m.Body = fields
	r := reader{fields: fields}
	r.unique("", twin)
	if product := r.text("messaging_product"); product != "whatsapp" {
		r.add(`messaging_product must be "whatsapp"`)
	}
	if _, ok := m.Body["status"]; ok {
		m.pass = r.receipt()
		return m, r.failure()
	}
	if k := r.optional("recipient_type"); k != "" && k != "individual" {
		r.add(`recipient_type must be "individual"`)
	}
	m.recipient(&r)
	m.Type = r.optional("type")
	if r.absentOrString("type") { // otherwise it is not known which content to look for
		if m.Type == "" {
			m.Type = "text" // Meta's default
			m.Body["type"] = json.RawMessage(`"text"`)
		}
		m.content(&r)
	}
	m.Opaque = r.optional("biz_opaque_callback_data")
	if utf8.RuneCountInString(m.Opaque) > maxOpaque {
		r.add("biz_opaque_callback_data must have at most 512 characters")
	}
	if raw, ok := m.Body["context"]; ok {
		id := ""
		if c, twin, ok := members(raw); ok {
			r.unique("context", twin)
			id, _ = text(c["message_id"])
		}
		if id == "" {
			r.add("context.message_id must be the id of a message")
		}
		if m.Type != "reaction" { // a reaction names its message itself
			m.quoted = id
		}
	}
	for _, own := range []string{"to", "recipient", "biz_opaque_callback_data"} {
		delete(m.Body, own)
	}
	return m, r.failure()
}

// receiptMembers are the members of a read receipt, with or without a typing notice.
var receiptMembers = []string{"messaging_product", "status", "message_id", "typing_indicator"}

// receipt reads a read receipt and returns the body to hand to the provider. It builds that body
// from the members of a receipt and refuses any other member: a receipt bypasses pacing and guard,
// so no message may travel in it.
func (r *reader) receipt() json.RawMessage {
	if r.text("status") != "read" {
		r.add(`status must be "read"`)
	}
	id := r.optional("message_id")
	r.need("message_id", id != "" || !r.absentOrString("message_id"))
	body := map[string]json.RawMessage{}
	for _, name := range slices.Sorted(maps.Keys(r.fields)) {
		if !slices.Contains(receiptMembers, name) {
			r.add(named(name) + " has no place in a read receipt")
			continue
		}
		body[name] = r.fields[name]
	}
	return mustJSON(body)
}

// recipient reads the members to and recipient. If both are given, to wins, as at Meta.
func (m *message) recipient(r *reader) {
	switch to, user := r.optional("to"), r.optional("recipient"); {
	case to != "":
		m.input = to
		m.named.Phone = phone(to)
		if m.named.Phone == "" {
			r.add("to must be a phone number with country code")
		}
	case user != "":
		m.input = user
		m.named.UserID = user
		if len(user) > maxUserID || !strings.Contains(user, ".") || strings.ContainsAny(user, " \t\r\n") {
			r.add("recipient must be a business-scoped user id")
		}
	case r.absentOrString("to") && r.absentOrString("recipient"):
		r.missing("to")
	}
}

// phone returns the digits of a phone number with country code, or "" if s is not one. No country
// code begins with 0; in some countries 00 is dialled before it.
func phone(s string) string {
	digits := strings.Map(func(c rune) rune {
		switch {
		case c >= '0' && c <= '9':
			return c
		case strings.ContainsRune("+-. ()", c):
			return -1
		}
		return 'x'
	}, strings.TrimSpace(s))
	if len(digits) < 7 || len(digits) > 15 || strings.Contains(digits, "x") || digits[0] == '0' {
		return ""
	}
	return digits
}

// types are the Cloud API's message types whose content is an object of the type's name.
var types = []string{
	"audio", "contacts", "document", "image", "interactive", "location", "reaction", "sticker", "template", "text", "video",
}

// content checks the object that is named after the type. It checks what wagate itself needs and
// refuses what no provider would accept; the rest is left to the provider.
func (m *message) content(r *reader) {
	raw, ok := m.Body[m.Type]
	if !ok {
		if slices.Contains(types, m.Type) {
			r.missing(m.Type)
		} else {
			r.add("type must be one of " + strings.Join(types, ", "))
		}
		return
	}
	if i := slices.IndexFunc(types, func(t string) bool { return strings.EqualFold(t, m.Type) }); i >= 0 && types[i] != m.Type {
		// The checks below would not know the type, but the provider might.
		r.add("type must be one of " + strings.Join(types, ", "))
		return
	}
	switch {
	case m.Type == "text":
		m.contentText(r, raw)
	case m.Type == "template":
		m.contentTemplate(r, raw)
	case m.Type == "interactive":
		if o, ok := r.object(m.Type, raw, "type"); ok {
			r.need("interactive.type", o.has("type"))
			r.need("interactive.action", len(o.fields["action"]) > 0)
		}
	case m.Type == "reaction":
		if o, ok := r.object(m.Type, raw, "message_id"); ok {
			m.quoted = o.text["message_id"]
			r.need("reaction.message_id", o.has("message_id"))
		}
	case mediaTypes[m.Type]:
		if o, ok := r.object(m.Type, raw, "id", "link"); ok && o.has("id") == o.has("link") {
			r.add(m.Type + " must have either id or link")
		}
	}
}

func (m *message) contentText(r *reader, raw json.RawMessage) {
	o, ok := r.object(m.Type, raw, "body")
	if !ok {
		return
	}
	m.text = o.text["body"]
	r.need("text.body", o.wrong["body"] || strings.TrimSpace(m.text) != "")
	if utf8.RuneCountInString(m.text) > maxText {
		r.add("text.body must have at most 4096 characters")
	}
}

func (m *message) contentTemplate(r *reader, raw json.RawMessage) {
	o, ok := r.object(m.Type, raw, "name")
	if !ok {
		return
	}
	m.template = o.text["name"]
	r.need("template.name", o.has("name"))
	var language object
	if raw, ok := o.fields["language"]; ok {
		if language, ok = r.object("template.language", raw, "code"); !ok {
			return
		}
	}
	m.language = language.text["code"]
	r.need("template.language.code", language.has("code"))
}

// requote replaces the id of the message that m quotes or reacts to.
func (m *message) requote(id string) {
	field := "context"
	if m.Type == "reaction" {
		field = "reaction"
	}
	var o map[string]json.RawMessage
	if json.Unmarshal(m.Body[field], &o) != nil {
		return
	}
	o["message_id"] = mustJSON(id)
	m.Body[field] = mustJSON(o)
}

// historyText returns the message's text for the conversation's history.
func (m *message) historyText() string {
	switch m.Type {
	case "text":
		return m.text
	case "template":
		return "[template " + m.template + "]"
	}
	return "[" + m.Type + "]"
}
