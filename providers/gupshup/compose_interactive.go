package gupshup

import (
	"encoding/json"
	"strings"

	"wagate/providers"
)

// Limits of reply buttons and list rows. Beyond them Gupshup accepts the message and WhatsApp
// refuses it later.
const (
	maxButtons = 3
	maxRows    = 10
)

// interactive is the part of a Cloud API interactive message that v2 can express.
type interactive struct {
	Type   string  `json:"type"`
	Header *header `json:"header"`
	Body   words   `json:"body"`
	Footer words   `json:"footer"`
	Action struct {
		Button  string `json:"button"`
		Buttons []struct {
			Type  string `json:"type"`
			Reply struct {
				ID    string `json:"id"`
				Title string `json:"title"`
			} `json:"reply"`
		} `json:"buttons"`
		Sections []struct {
			Title string `json:"title"`
			Rows  []struct {
				ID          string `json:"id"`
				Title       string `json:"title"`
				Description string `json:"description"`
			} `json:"rows"`
		} `json:"sections"`
	} `json:"action"`
}

type words struct {
	Text string `json:"text"`
}

type header struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Image    file   `json:"image"`
	Video    file   `json:"video"`
	Document file   `json:"document"`
}

// option is a button or a row in the v2 dialect.
type option struct {
	Type         string `json:"type"`
	Title        string `json:"title"`
	Description  string `json:"description,omitempty"`
	PostbackText string `json:"postbackText,omitempty"`
}

func composeInteractive(raw json.RawMessage, msgid string) (draft, error) {
	var in interactive
	if err := member("interactive", raw, &in); err != nil {
		return draft{}, err
	}
	switch in.Type {
	case "button":
		return in.quickReply(msgid)
	case "list":
		return in.list(msgid, hasEmoji(string(raw)))
	case "":
		return draft{}, missing("interactive.type")
	default:
		return draft{}, unsupportedType("this kind of interactive message")
	}
}

func (in interactive) quickReply(msgid string) (draft, error) {
	if in.Body.Text == "" {
		return draft{}, missing("interactive.body.text")
	}
	if n := len(in.Action.Buttons); n == 0 || n > maxButtons {
		return draft{}, refuse(providers.Invalid, codeInvalidParameter, "interactive.action.buttons must have 1 to 3 buttons")
	}
	content, err := in.Header.content()
	if err != nil {
		return draft{}, err
	}
	content["text"] = in.Body.Text
	put(content, "caption", in.Footer.Text)
	var options []option
	for _, b := range in.Action.Buttons {
		if b.Type != "reply" || b.Reply.Title == "" {
			return draft{}, unsupportedType("a button that is no reply button with a title")
		}
		options = append(options, option{Type: "text", Title: b.Reply.Title, PostbackText: b.Reply.ID})
	}
	return draft{message: map[string]any{
		"type": "quick_reply", "msgid": msgid, "content": content, "options": options,
	}}, nil
}

// content returns the part of a quick reply that holds the header.
func (h *header) content() (map[string]any, error) {
	if h == nil {
		return map[string]any{"type": "text"}, nil
	}
	var f file
	typ := h.Type
	switch h.Type {
	case "text":
		return map[string]any{"type": "text", "header": h.Text}, nil
	case "image":
		f = h.Image
	case "video":
		f = h.Video
	case "document":
		f, typ = h.Document, "file"
	default:
		return nil, unsupportedType("a header of this type")
	}
	if f.Link == "" {
		return nil, unsupportedType("a media header without link")
	}
	m := map[string]any{"type": typ, "url": f.Link}
	if typ == "file" {
		put(m, "filename", f.Filename)
	}
	return m, nil
}

func (in interactive) list(msgid string, emoji bool) (draft, error) {
	type item struct {
		Title    string   `json:"title"`
		Subtitle string   `json:"subtitle"`
		Options  []option `json:"options"`
	}
	if in.Body.Text == "" {
		return draft{}, missing("interactive.body.text")
	}
	if in.Action.Button == "" {
		return draft{}, missing("interactive.action.button")
	}
	if in.Header != nil && in.Header.Type != "text" {
		return draft{}, unsupportedType("a list with a media header")
	}
	rows := 0
	var items []item
	for _, s := range in.Action.Sections {
		it := item{Title: s.Title, Subtitle: s.Title}
		for _, r := range s.Rows {
			rows++
			it.Options = append(it.Options, option{
				Type: "text", Title: r.Title, Description: r.Description, PostbackText: r.ID,
			})
		}
		items = append(items, it)
	}
	if rows == 0 || rows > maxRows {
		return draft{}, refuse(providers.Invalid, codeInvalidParameter, "interactive.action.sections must have 1 to 10 rows in total")
	}
	title := ""
	if in.Header != nil {
		title = in.Header.Text
	}
	m := map[string]any{
		// title is the header. Gupshup's documentation calls it required, so it is sent even if
		// empty.
		"type": "list", "title": title, "body": in.Body.Text, "msgid": msgid, "items": items,
		"globalButtons": []option{{Type: "text", Title: in.Action.Button}},
	}
	put(m, "footer", in.Footer.Text)
	return draft{message: m, encode: emoji}, nil
}

// hasEmoji reports whether a list needs Gupshup's encode flag: without it Gupshup drops pictographs
// from lists. The raw message may have them as \u escapes.
func hasEmoji(raw string) bool {
	if strings.Contains(raw, `\u`) {
		var v any
		if json.Unmarshal([]byte(raw), &v) == nil {
			raw = string(encode(v))
		}
	}
	return strings.ContainsFunc(raw, func(r rune) bool {
		return r >= 0x1F000 || r >= 0x2190 && r <= 0x2BFF || r == 0xFE0F || r == 0x200D
	})
}
