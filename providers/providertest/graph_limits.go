package providertest

import (
	"encoding/json"
	"unicode/utf8"
)

// graphMedia is a media object of a send.
type graphMedia struct {
	ID, Link, Caption string
}

// graphInteractive is the part of an interactive message that has limits.
type graphInteractive struct {
	Type   string
	Header struct{ Type, Text string }
	Body   struct{ Text string }
	Footer struct{ Text string }
	Action struct {
		Button  string
		Buttons []struct{ Reply struct{ ID, Title string } }

		Sections []struct {
			Title string
			Rows  []struct{ ID, Title, Description string }
		}
		Parameters struct {
			DisplayText string `json:"display_text"`
			URL         string
		}
	}
}

// beyond returns which documented limit the object of a message exceeds, "" if none.
func beyond(typ string, object json.RawMessage) string {
	switch typ {
	case "image", "video", "audio", "document", "sticker":
		var m graphMedia
		switch {
		case json.Unmarshal(object, &m) != nil || (m.ID == "") == (m.Link == ""):
			return "one of id and link is required."
		case utf8.RuneCountInString(m.Caption) > 1024:
			return "caption is longer than 1024."
		case m.Caption != "" && (typ == "audio" || typ == "sticker"):
			return "caption has no place here."
		}
	case "contacts":
		var cards []json.RawMessage
		if json.Unmarshal(object, &cards) != nil || len(cards) == 0 || len(cards) > 257 {
			return "contacts must be 1 to 257."
		}
	case "interactive":
		var in graphInteractive
		if json.Unmarshal(object, &in) != nil {
			return "interactive is malformed."
		}
		return in.beyond()
	}
	return ""
}

// beyond returns the first limit that is exceeded: a text that is too long, or a number of parts.
func (in graphInteractive) beyond() string {
	body := 1024
	if in.Type == "list" {
		body = 4096
	}
	type bound struct {
		name, text string
		most       int
	}
	bounds := []bound{
		{"header", in.Header.Text, 60},
		{"body", in.Body.Text, body},
		{"footer", in.Footer.Text, 60},
		{"button", in.Action.Button, 20},
		{"display_text", in.Action.Parameters.DisplayText, 20},
	}
	titles := map[string]bool{}
	for _, b := range in.Action.Buttons {
		bounds = append(bounds, bound{"button title", b.Reply.Title, 20}, bound{"button id", b.Reply.ID, 256})
		titles[b.Reply.Title] = true
	}
	rows := 0
	for _, s := range in.Action.Sections {
		bounds = append(bounds, bound{"section title", s.Title, 24})
		for _, r := range s.Rows {
			rows++
			bounds = append(bounds, bound{"row id", r.ID, 200}, bound{"row title", r.Title, 24}, bound{"row description", r.Description, 72})
		}
	}
	for _, b := range bounds {
		if utf8.RuneCountInString(b.text) > b.most {
			return b.name + " is too long."
		}
	}
	n := len(in.Action.Buttons)
	switch {
	case in.Type == "button" && (n == 0 || n > 3):
		return "buttons must be 1 to 3."
	case len(titles) < n:
		return "titles of buttons must differ."
	case in.Type == "list" && (rows == 0 || rows > 10 || len(in.Action.Sections) > 10):
		return "a list must have 1 to 10 rows in all, in 10 sections at most."
	case in.Type == "list" && in.Header.Type != "" && in.Header.Type != "text":
		return "a list's header is text."
	}
	return ""
}
