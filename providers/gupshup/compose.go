package gupshup

import (
	"encoding/json"

	"wagate/providers"
)

// draft is the message field of a v2 send, and the form fields that depend on the message.
type draft struct {
	message        map[string]any
	disablePreview bool
	encode         bool
}

// compose translates a free-form Cloud API message to the v2 dialect. It refuses anything that the
// dialect does not document: a message that arrives as something else is worse than an error.
func compose(m providers.Message) (draft, error) {
	d, err := composeType(m)
	if err != nil {
		return draft{}, err
	}
	if raw, ok := m.Body["context"]; ok {
		var ctx struct {
			MessageID string `json:"message_id"`
		}
		if err := member("context", raw, &ctx); err != nil {
			return draft{}, err
		}
		if ctx.MessageID != "" {
			d.message["context"] = map[string]string{"msgId": ctx.MessageID}
		}
	}
	return d, nil
}

// composeType translates the part of a message that depends on its type.
func composeType(m providers.Message) (draft, error) {
	raw := m.Body[m.Type]
	switch m.Type {
	case "text":
		return composeText(raw)
	case "image", "video", "audio", "document", "sticker":
		return composeMedia(m.Type, raw)
	case "location":
		return composeLocation(raw)
	case "contacts":
		return composeContact(raw)
	case "reaction":
		return composeReaction(raw)
	case "interactive":
		return composeInteractive(raw, first(m.Opaque, "wagate"))
	default:
		return draft{}, unsupportedType(m.Type)
	}
}

func composeText(raw json.RawMessage) (draft, error) {
	var t struct {
		Body       string `json:"body"`
		PreviewURL bool   `json:"preview_url"`
	}
	if err := member("text", raw, &t); err != nil {
		return draft{}, err
	}
	if t.Body == "" {
		return draft{}, missing("text.body")
	}
	return draft{
		message:        map[string]any{"type": "text", "text": t.Body},
		disablePreview: !t.PreviewURL,
	}, nil
}

// file is a media object of the Cloud API.
type file struct {
	ID       string `json:"id"`
	Link     string `json:"link"`
	Caption  string `json:"caption"`
	Filename string `json:"filename"`
}

func composeMedia(typ string, raw json.RawMessage) (draft, error) {
	var f file
	if err := member(typ, raw, &f); err != nil {
		return draft{}, err
	}
	m := map[string]any{"type": typ}
	switch {
	case f.ID != "":
		m["id"] = f.ID
	case f.Link == "":
		return draft{}, missing(typ + ".link")
	case typ == "image":
		m["originalUrl"], m["previewUrl"] = f.Link, f.Link
	default:
		m["url"] = f.Link
	}
	switch typ {
	case "document":
		m["type"] = "file"
		put(m, "filename", f.Filename)
		put(m, "caption", f.Caption)
	case "image", "video":
		put(m, "caption", f.Caption)
	}
	return draft{message: m}, nil
}

func composeLocation(raw json.RawMessage) (draft, error) {
	var l struct {
		Longitude text   `json:"longitude"`
		Latitude  text   `json:"latitude"`
		Name      string `json:"name"`
		Address   string `json:"address"`
	}
	if err := member("location", raw, &l); err != nil {
		return draft{}, err
	}
	lon, ok := l.Longitude.number()
	lat, ok2 := l.Latitude.number()
	if !ok || !ok2 {
		return draft{}, missing("location.longitude and location.latitude")
	}
	m := map[string]any{"type": "location", "longitude": lon, "latitude": lat}
	put(m, "name", l.Name)
	put(m, "address", l.Address)
	return draft{message: m}, nil
}

func composeContact(raw json.RawMessage) (draft, error) {
	var cards []json.RawMessage
	if err := member("contacts", raw, &cards); err != nil {
		return draft{}, err
	}
	switch {
	case len(cards) == 0:
		return draft{}, missing("contacts")
	case len(cards) > 1:
		return draft{}, refuse(providers.Invalid, codeUnsupportedType,
			"Gupshup's v2 API sends one contact in a message")
	case !isObject(cards[0]):
		return draft{}, refuse(providers.Invalid, codeInvalidParameter, "contacts[0] has the wrong type")
	}
	return draft{message: map[string]any{"type": "contact", "contact": rename(cards[0], camel)}}, nil
}

func composeReaction(raw json.RawMessage) (draft, error) {
	var r struct {
		MessageID string `json:"message_id"`
		Emoji     string `json:"emoji"`
	}
	if err := member("reaction", raw, &r); err != nil {
		return draft{}, err
	}
	if r.MessageID == "" {
		return draft{}, missing("reaction.message_id")
	}
	return draft{message: map[string]any{"type": "reaction", "msgId": r.MessageID, "emoji": r.Emoji}}, nil
}

// member decodes one member of a message. Its errors name the member but not the value, which is
// personal.
func member(path string, raw json.RawMessage, into any) error {
	if len(raw) == 0 {
		return missing(path)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return refuse(providers.Invalid, codeInvalidParameter, path+" has the wrong type")
	}
	return nil
}

func missing(path string) *providers.Error {
	return refuse(providers.Invalid, codeMissing, path+" is missing")
}

func unsupportedType(what string) *providers.Error {
	return refuse(providers.Invalid, codeUnsupportedType, what+" cannot be sent through Gupshup's v2 API")
}
