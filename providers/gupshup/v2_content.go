package gupshup

import (
	"encoding/json"

	"wagate/providers"
)

// content is the part of a message that depends on its type.
type content struct {
	kind     providers.Kind
	metaType string         // Cloud API type
	members  map[string]any // members of the message other than type
	words    string         // what the person said in words
	payload  string         // payload of a template's tapped quick reply
	target   string         // id of the message that a reaction is about
	referral json.RawMessage
}

// v2Inner is the union of all inner payloads.
type v2Inner struct {
	Type         text `json:"type"`
	Text         text `json:"text"`
	Caption      text `json:"caption"`
	Name         text `json:"name"`
	Filename     text `json:"filename"`
	URL          text `json:"url"`
	ContentType  text `json:"contentType"`
	ContentType2 text `json:"content-type"` // as the documentation's table spells it, unlike its samples

	URLExpiry json.RawMessage `json:"urlExpiry"`

	Longitude text `json:"longitude"`
	Latitude  text `json:"latitude"`
	Address   text `json:"address"`

	Contacts json.RawMessage `json:"contacts"`

	Title        text `json:"title"`
	PostbackText text `json:"postbackText"`
	Description  text `json:"description"`

	Emoji     *text `json:"emoji"`
	GSID      text  `json:"gsId"`
	MsgID     text  `json:"msgId"`
	MessageID text  `json:"message_id"`

	Referral json.RawMessage `json:"referral"`
}

// v2Content translates the inner payload of an inbound message.
func v2Content(typ string, payload json.RawMessage) content {
	var in v2Inner
	if !read(payload, &in) {
		return unsupported(typ, payload)
	}
	c := v2Known(typ, in)
	if c.kind == "" {
		c = unsupported(typ, payload)
	}
	c.referral = in.Referral
	return c
}

// v2Known translates the documented types. It returns the zero content for any other.
func v2Known(typ string, in v2Inner) content {
	// One page of the documentation says that a tap on a template's button comes as quick_reply,
	// another says text. The inner type decides.
	if in.Type == "button" {
		return button(in)
	}
	switch typ {
	case "text":
		return one(providers.KindText, "text", map[string]any{"body": string(in.Text)}, in.Text)
	case "image":
		return media(providers.KindImage, "image", in)
	case "video":
		return media(providers.KindVideo, "video", in)
	case "audio", "voice":
		return media(providers.KindAudio, "audio", in)
	case "file", "document":
		return media(providers.KindDocument, "document", in)
	case "sticker":
		return media(providers.KindSticker, "sticker", in)
	case "location":
		return location(in)
	case "contact", "contacts":
		return contactCards(in)
	case "list_reply":
		return listReply(in)
	case "quick_reply", "button_reply":
		return buttonReply(in)
	case "reaction":
		return reaction(in)
	default:
		return content{}
	}
}

// one returns content with a single member that is named after its type.
func one(kind providers.Kind, typ string, member any, words text) content {
	return content{kind: kind, metaType: typ, members: map[string]any{typ: member}, words: words.String()}
}

// media translates a file. The Cloud API identifies files by id, v2 by address only. The address is
// used as the id too, for bots that require one, and as url, which is a member of the Cloud API
// too. It is fetched without a token.
func media(kind providers.Kind, typ string, in v2Inner) content {
	m := map[string]any{}
	put(m, "id", in.URL.String())
	put(m, "url", in.URL.String())
	put(m, "mime_type", first(in.ContentType, in.ContentType2).String())
	put(m, "caption", string(in.Caption))
	if expiry := in.URLExpiry; isScalar(expiry) {
		m["url_expiry"] = expiry // number or text, as it came
	}
	if kind == providers.KindDocument {
		put(m, "filename", first(in.Name, in.Filename).String())
	}
	return one(kind, typ, m, in.Caption)
}

// location turns Gupshup's quoted coordinates into the numbers that Cloud API bots read. A
// coordinate that is no number is passed on as it came.
func location(in v2Inner) content {
	m := map[string]any{}
	for key, t := range map[string]text{"latitude": in.Latitude, "longitude": in.Longitude} {
		if n, ok := t.number(); ok {
			m[key] = n
		} else {
			put(m, key, t.String())
		}
	}
	put(m, "name", in.Name.String())
	put(m, "address", in.Address.String())
	put(m, "url", in.URL.String())
	return one(providers.KindLocation, "location", m, "")
}

// contactCards renames the members of shared contact cards from camel case.
func contactCards(in v2Inner) content {
	if len(in.Contacts) == 0 {
		return content{}
	}
	return one(providers.KindContacts, "contacts", rename(in.Contacts, snake), "")
}

// button is a tap on a template's quick reply.
func button(in v2Inner) content {
	label := first(in.Text, in.Title)
	payload := string(first(in.PostbackText, label))
	c := one(providers.KindButton, "button", map[string]string{"payload": payload, "text": string(label)}, label)
	c.payload = payload
	return c
}

// buttonReply is a tap on a button of a session message. The inner id is the msgid of that message;
// the button is identified by its postbackText.
func buttonReply(in v2Inner) content {
	return one(providers.KindInteractive, "interactive", map[string]any{
		"type": "button_reply",
		"button_reply": map[string]string{
			"id":    string(first(in.PostbackText, in.Title)),
			"title": string(in.Title),
		},
	}, in.Title)
}

// listReply is a tap on a row of a list.
func listReply(in v2Inner) content {
	row := map[string]any{
		"id":    string(first(in.PostbackText, in.Title)),
		"title": string(in.Title),
	}
	put(row, "description", string(in.Description))
	return one(providers.KindInteractive, "interactive",
		map[string]any{"type": "list_reply", "list_reply": row}, in.Title)
}

// reaction reads the undocumented v2 reaction in its unambiguous forms: an emoji with a message id,
// or an empty emoji for the removal.
func reaction(in v2Inner) content {
	target := first(in.GSID, in.MsgID, in.MessageID).String()
	if in.Emoji == nil || target == "" {
		return content{}
	}
	m := map[string]any{"message_id": target}
	kind := providers.KindReactionRemoved
	if emoji := in.Emoji.String(); emoji != "" {
		kind = providers.KindReaction
		m["emoji"] = emoji
	}
	c := one(kind, "reaction", m, *in.Emoji)
	c.target = target
	return c
}

// unsupported relays an undocumented type in the Cloud API's form for such types: with code 131051,
// and with Gupshup's payload unchanged beside it.
func unsupported(typ string, payload json.RawMessage) content {
	const title = "Message type unknown"
	members := map[string]any{
		"unsupported": map[string]string{"type": typ},
		"errors": []any{map[string]any{
			"code": codeUnsupportedType, "title": title, "message": title,
			"error_data": map[string]string{"details": "Message type is currently not supported."},
		}},
	}
	if len(payload) > 0 {
		members["gupshup"] = payload
	}
	return content{kind: providers.KindUnsupported, metaType: "unsupported", members: members}
}
