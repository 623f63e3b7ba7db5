package outbound

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"wagate/providers"
)

// message is a parsed send.
type message struct {
	providers.Message
	pass     json.RawMessage // of a read receipt or typing notice: all there is to hand on; nil: it is a message
	input    string          // the recipient as the caller wrote it
	quoted   string          // context.message_id
	template string
	language string
	text     string // of a text message
}

// Bounds of the Cloud API (messages reference).
const (
	maxText   = 4096 // characters
	maxOpaque = 512  // characters
	maxUserID = 200  // bytes; a BSUID has a prefix and up to 128 characters
)

// media types are sent by id or by link.
var mediaTypes = map[string]bool{"image": true, "video": true, "audio": true, "document": true, "sticker": true}

// parse reads a Cloud API body and names everything that is wrong with it. What
// it does not know it leaves to the provider.
func parse(body []byte) (message, *failure) {
	var m message
	if !utf8.Valid(body) { // readers put something else in its place, and that would be sent
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
	if r.sound("type") { // else nobody knows which content to look for
		if m.Type == "" {
			m.Type = "text" // as Meta reads it
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
		if m.Type != "reaction" { // which is about its own message
			m.quoted = id
		}
	}
	for _, own := range []string{"to", "recipient", "biz_opaque_callback_data"} {
		delete(m.Body, own)
	}
	return m, r.failure()
}

// receiptMembers are those of a read receipt, with or without typing notice.
var receiptMembers = []string{"messaging_product", "status", "message_id", "typing_indicator"}

// receipt reads a read receipt and returns what to hand on. It is made anew of
// what a receipt consists of, and refused with anything else in it: it passes
// by pacing and guard, so no message may travel in it.
func (r *reader) receipt() json.RawMessage {
	if r.text("status") != "read" {
		r.add(`status must be "read"`)
	}
	id := r.optional("message_id")
	r.need("message_id", id != "" || !r.sound("message_id"))
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

// recipient reads to or recipient; if both are there, to wins, as at Meta.
func (m *message) recipient(r *reader) {
	switch to, user := r.optional("to"), r.optional("recipient"); {
	case to != "":
		m.input = to
		m.To.Phone = phone(to)
		if m.To.Phone == "" {
			r.add("to must be a phone number with country code")
		}
	case user != "":
		m.input = user
		m.To.UserID = user
		if len(user) > maxUserID || !strings.Contains(user, ".") || strings.ContainsAny(user, " \t\r\n") {
			r.add("recipient must be a business-scoped user id")
		}
	case r.sound("to") && r.sound("recipient"):
		r.missing("to")
	}
}

// phone returns the digits of a phone number with country code, "" if it is none. No
// country's begins with 0: 00 is what some countries dial before it.
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

// types are those of the Cloud API that are sent by an object of their name.
var types = []string{
	"audio", "contacts", "document", "image", "interactive", "location", "reaction", "sticker", "template", "text", "video",
}

// content checks the object named after the type: what wagate itself needs of
// it, and what no provider would take. The rest is the provider's to judge.
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
		r.add("type must be one of " + strings.Join(types, ", ")) // lest it be judged as none of them and sent as one
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

// requote replaces the id of the quoted message, or of the one reacted to.
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

// said is how the message stands in the conversation's history.
func (m *message) said() string {
	switch m.Type {
	case "text":
		return m.text
	case "template":
		return "[template " + m.template + "]"
	}
	return "[" + m.Type + "]"
}
