package cloudapi

import (
	"cmp"
	"encoding/json"

	"wagate/providers"
)

// messages decodes messages of users.
func (d *decoder) messages(c *change) {
	for o := range d.items(c.value.get("messages")) {
		typ := o.get("type")
		if !o.opens('{') || typ.exists() && !typ.opens('"') {
			d.skip()
			continue
		}
		who := providers.Contact{Phone: digits(o.id("from")), UserID: o.text("from_user_id")}
		id := o.id("id")
		if id == "" && who.IsZero() {
			d.skip()
			continue
		}
		e := providers.Event{
			Kind:      messageKind(o),
			At:        providers.Instant(o.id("timestamp")),
			MessageID: id,
			Text:      words(o),
			Quoted:    d.quoted(o),
			Group:     o.id("group_id"),
		}
		if e.Kind == providers.KindButton {
			e.Payload = cmp.Or(o.get("button").text("payload"), e.Text)
		}
		e.ID = id
		if e.ID == "" {
			e.ID = derivedID(c, o.raw())
		}
		var entry json.RawMessage
		if o.text("type") == "system" {
			e.Contact, e.Previous = systemChange(o)
			c.contact(who) // only marks the entry as used: it belongs to the message but adds nothing
		} else {
			e.Contact, entry = c.contact(who)
		}
		raw := o.raw()
		if d.MetaShape {
			raw = shapeMessage(o, e)
		}
		e.Value = c.narrow("messages", raw, entry)
		d.add(c, e)
	}
}

// messageKind returns the kind of a message by its type. A message in a group is always of kind
// group.
func messageKind(o value) providers.Kind {
	if o.id("group_id") != "" {
		return providers.KindGroup
	}
	switch o.text("type") {
	case "text":
		return providers.KindText
	case "image":
		return providers.KindImage
	case "video":
		return providers.KindVideo
	case "audio", "voice":
		return providers.KindAudio
	case "document":
		return providers.KindDocument
	case "sticker":
		return providers.KindSticker
	case "location":
		return providers.KindLocation
	case "contacts":
		return providers.KindContacts
	case "interactive":
		return providers.KindInteractive
	case "button":
		return providers.KindButton
	case "order":
		return providers.KindOrder
	case "reaction":
		if o.get("reaction").text("emoji") == "" {
			return providers.KindReactionRemoved
		}
		return providers.KindReaction
	case "unsupported":
		return providers.KindUnsupported
	case "edit":
		return providers.KindEdit
	case "revoke":
		return providers.KindRevoke
	case "system":
		return providers.KindSystem
	}
	return providers.KindUnknown
}

// words returns what a message says in words, "" if it has none.
func words(o value) string {
	typ := o.text("type")
	body := o.get(typ)
	switch typ {
	case "text":
		return body.text("body")
	case "image", "video", "audio", "document":
		return body.text("caption")
	case "button":
		return cmp.Or(body.text("text"), body.text("payload"))
	case "interactive":
		return cmp.Or(body.get("button_reply").text("title"), body.get("list_reply").text("title"), body.get("nfm_reply").text("body"))
	case "order":
		return body.text("text")
	case "reaction":
		return body.text("emoji")
	case "edit":
		if inner := body.get("message"); inner.text("type") != "edit" {
			return words(inner)
		}
	}
	return ""
}

// quoted returns the id of the message that this message replies to, reacts to or belongs to.
func (d *decoder) quoted(o value) string {
	if context := o.get("context"); context.opens('{') {
		if id := d.QuotedID(context.id); id != "" {
			return id
		}
	}
	return o.get("reaction").text("message_id")
}

// systemChange returns whom a system notice is about, and the contact's former identity. A notice
// of an unknown type that names no new identity is about its sender.
func systemChange(o value) (now, before providers.Contact) {
	from := providers.Contact{Phone: digits(o.id("from")), UserID: o.text("from_user_id")}
	s := o.get("system")
	now = providers.Contact{Phone: digits(s.id("wa_id")), UserID: s.text("user_id")}
	if now.Phone == "" {
		now.Phone = digits(s.id("new_wa_id")) // older versions
	}
	before = providers.Contact{Phone: from.Phone, UserID: s.text("previous_user_id")}
	switch s.text("type") {
	case "user_changed_number", "user_changed_user_id":
	default:
		if now.IsZero() || before.UserID == "" {
			return fill(from, now), providers.Contact{}
		}
	}
	if before.UserID == "" && from.UserID != now.UserID {
		before.UserID = from.UserID
	}
	if now.IsZero() {
		// The notice does not tell the new identity.
		return from, providers.Contact{}
	}
	if before.Phone == now.Phone {
		before.Phone = ""
	}
	if before.UserID == now.UserID {
		before.UserID = ""
	}
	return now, before
}

// fill returns c with missing identities taken from other.
func fill(c, other providers.Contact) providers.Contact {
	if c.Phone == "" {
		c.Phone = other.Phone
	}
	if c.UserID == "" {
		c.UserID = other.UserID
	}
	return c
}
