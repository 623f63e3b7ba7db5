package providertest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

func itoa(n int) string { return strconv.Itoa(n) }

// graphMessage is the part of a send that the fake reads.
type graphMessage struct {
	Product       string                     `json:"messaging_product"`
	RecipientType string                     `json:"recipient_type"`
	To            string                     `json:"to"`
	Recipient     string                     `json:"recipient"`
	Type          string                     `json:"type"`
	Opaque        string                     `json:"biz_opaque_callback_data"`
	Status        string                     `json:"status"`
	MessageID     string                     `json:"message_id"`
	Text          struct{ Body string }      `json:"text"`
	Template      graphTemplateUse           `json:"template"`
	all           map[string]json.RawMessage // every member
}

type graphTemplateUse struct {
	Name     string                `json:"name"`
	Language struct{ Code string } `json:"language"`
	Parts    []struct {
		Type   string `json:"type"`
		Params []struct {
			Type string `json:"type"`
			Text string `json:"text"`
		} `json:"parameters"`
	} `json:"components"`
}

// send returns the message in the form of the account.
func (m graphMessage) send() GraphSend {
	s := GraphSend{
		To: strings.TrimPrefix(m.To, "+"), Type: m.Type, Text: m.Text.Body, Opaque: m.Opaque,
		Template: m.Template.Name, Language: m.Template.Language.Code,
	}
	if m.To == "" {
		s.To = m.Recipient
	}
	for _, part := range m.Template.Parts {
		if !strings.EqualFold(part.Type, "body") {
			continue
		}
		for _, p := range part.Params {
			s.Params = append(s.Params, p.Text)
		}
	}
	return s
}

// sendTypes are the types that a message may have.
const sendTypes = " text image video audio document sticker location contacts reaction interactive template "

// parseMessage parses a send and refuses what the Cloud API would refuse on account of the body
// alone.
func parseMessage(body []byte) (graphMessage, *graphError) {
	var m graphMessage
	refuse := func(code int, details string) (graphMessage, *graphError) {
		return m, &graphError{status: http.StatusBadRequest, code: code, details: details}
	}
	if json.Unmarshal(body, &m) != nil || json.Unmarshal(body, &m.all) != nil {
		return refuse(100, "The body is not a message.")
	}
	if m.Product != "whatsapp" {
		return refuse(100, "messaging_product is required.")
	}
	if m.Status != "" {
		if m.Status != "read" || !strings.HasPrefix(m.MessageID, "wamid.") {
			return refuse(131009, "message_id is not valid.")
		}
		return m, nil
	}
	switch digits := strings.TrimPrefix(m.To, "+"); {
	case m.To == "" && m.Recipient == "":
		return refuse(100, "to or recipient is required.")
	case m.To != "" && m.To == digits:
		return refuse(131009, "to has no plus sign: it would be dialled with our country code.")
	case m.To != "" && (len(digits) < 7 || len(digits) > 15 || strings.Trim(digits, "0123456789") != ""):
		return refuse(131009, "to is not a phone number.")
	case m.To == "" && !bsuid().MatchString(m.Recipient):
		return refuse(131009, "recipient is not a business-scoped user id.")
	}
	if m.Type == "" || !strings.Contains(sendTypes, " "+m.Type+" ") {
		return refuse(100, "type is not one of the known types.")
	}
	if raw := m.all[m.Type]; len(raw) == 0 || string(raw) == "null" {
		return refuse(131008, "the object named after the type is missing.")
	}
	if len(m.Opaque) > 512 {
		return refuse(100, "biz_opaque_callback_data is longer than 512.")
	}
	if n := utf8.RuneCountInString(m.Text.Body); m.Type == "text" && (strings.TrimSpace(m.Text.Body) == "" || n > 4096) {
		return refuse(100, "text.body must have 1 to 4096 characters.")
	}
	if problem := beyond(m.Type, m.all[m.Type]); problem != "" {
		return refuse(131009, problem)
	}
	return m, nil
}

func bsuid() *regexp.Regexp { return regexp.MustCompile(`^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$`) }

// refuse returns why a well-formed message is not sent, because of its window or template; nil if
// it is.
func (g *Graph) refuse(s GraphSend) *graphError {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s.Type != "template" {
		until, known := g.windows[s.To]
		if closed := known && !s.At.Before(until) || !known && g.p.EnforceWindow; closed {
			return &graphError{
				status: http.StatusBadRequest, code: 131047,
				details: "More than 24 hours have passed since the recipient last replied.",
			}
		}
		return nil
	}
	return g.refuseTemplate(s)
}
